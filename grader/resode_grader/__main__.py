"""``python -m resode_grader``, the same as ``resode-grade``."""

import sys

from resode_grader._command import main

sys.exit(main())
