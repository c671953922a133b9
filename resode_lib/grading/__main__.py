"""``python -m resode_lib.grading``, the same as ``resode-grade``."""

import sys

from resode_lib.grading._command import main

sys.exit(main())
