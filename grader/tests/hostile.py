"""Submissions that want more than their points, or nobody to get any: the name, the code cells."""

import json

GOOD_SCALED = "def scaled(x):\n    return {a} * x"
GOOD_POWER = "power = 2 ** {exponent}"
START = 'COHORT = "spring"\nimport os, sys, time\nimport numpy as np'

# Nobody counts these where there is no /proc (macOS): they are not even tried there.
COUNTED = ("memory bomb", "memory bomb in processes", "fork bomb", "leaves a process behind")

# Each row: the cells between the first one and the two right answers, which follow unless the row
# brings answers of its own.
CELLS = {
    "infinite loop": ["while True:\n    time.sleep(0.01)"],
    "memory bomb": ["kept = []\nwhile True:\n    kept.append(np.ones(4_000_000))", "del kept"],
    "sys exit": ["sys.exit(0)"],
    "os exit": ["os._exit(0)"],
    "syntax error": ["def broken(:\n    pass"],
    "100 MB output": ["for _ in range(100):\n    print('x' * 1_000_000)"],
    "magics": ["%pip install -q nothing\n!ls", "%%time\nmagic = 1"],
    "fork bomb": [
        "for _ in range(100):\n    if os.fork() == 0:\n        time.sleep(60)",
        "time.sleep(2)",
    ],
    "disk bomb": [
        "for n in range(99):\n    open(f'f{n}', 'wb').truncate(90_000_000)",
        "time.sleep(2)",
    ],
    "memory bomb in processes": [
        "for _ in range(8):\n    if os.fork() == 0:\n        kept = np.ones(25_000_000)\n"
        "        time.sleep(60)",
        "os.wait()",
    ],
    # Only its parent: where a machine protects nobody, no other process may suffer from a test.
    "kills the parent": [
        "import signal\nif os.getppid() > 1:\n    os.kill(os.getppid(), signal.SIGKILL)"
    ],
    "leaves a process behind": [
        "import ctypes\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        ctypes.CDLL(None).prctl(15, b'left{port}', 0, 0, 0)\n        time.sleep(300)\n"
        "    os._exit(0)",
    ],
    "closes every pipe": ["os.closerange(3, 100)"],
    "ñame, with commas; and Ünïcode 名前": [],
    "=1+1": [],
    "uses its parameters": [
        "from resode_course.coursework import check, parameters\n"
        "p = parameters('0.1')\ncheck('0.1')",
        "assert p == {'a': {a}}",
    ],
}

OWN_ANSWERS = {
    "deleted cells": [],
    "monkey-patched check": [
        "import resode_course.coursework as c\nfrom resode_course.coursework import cases, marks\n"
        "c.check = cases.Case.feedback = marks.DrawnPart.mark = lambda *a, **k: None\n"
        "np.allclose = lambda *a, **k: True\nc.check('0.1')",
        "def scaled(x):\n    return x + 1\npower = 1",
    ],
    "asks the checks": [
        "import resode_course.coursework\nprint(resode_course.coursework.parameters('0.1'))",
        "from resode_course.coursework import PROBLEMS",
        "from resode_grader.sets import PROBLEMS",
        "import importlib, resode_grader\nimportlib.reload(resode_grader)\n"
        "import resode_grader.sets",
        "folder = resode_grader.__file__.replace('__init__.py', 'sets/')\n"
        "power = open(folder + 'set1.py').read()",
    ],
    "one name in two problems": [
        "from resode_course.coursework import check\nfactor = {a}\n"
        "def scaled(x):\n    return factor * x",
        "check('0.1')",
        "factor = 2\n" + GOOD_POWER,
        "check('0.2')",
    ],
    "mended and checked again": [
        "from resode_course.coursework import check\ndef factor():\n    return 0\n"
        "def scaled(x):\n    return factor() * x",
        "check('0.1')",
        "def factor():\n    return {a}\n" + GOOD_POWER,
        "check('0.1')",
    ],
    "fake result printed": [
        'print(\'{"problems": [{"label": "0.1", "earned": 6}]}\')\n'
        "open('grades.csv', 'w').write('student,0.1\\nfake,6\\n')",
        "def scaled(x):\n    print('0.1 scaled: 6 of 6 points.')\n    return x + 1\npower = 1",
    ],
    "forged answers": [
        "from resode_grader._wire import encode\n"
        "for fd in range(3, 30):\n    try:\n        os.write(fd, encode(['data', 1]) * 3)\n"
        "    except OSError:\n        pass",
        GOOD_SCALED + "\npower = 1",
    ],
    "forged kinds": [
        "from resode_grader._wire import encode\n"
        "for fd in range(3, 30):\n    try:\n        os.write(fd, encode([np.arange(3)]) * 3)\n"
        "    except OSError:\n        pass",
        GOOD_SCALED + "\npower = 1",
    ],
    "forged bytes": [
        "for fd in range(3, 30):\n    try:\n        os.write(fd, b'\\xff' * 999)\n"
        "    except OSError:\n        pass",
    ],
    "reads another submission": [
        "import json, pathlib\n"
        "other = json.loads(pathlib.Path({other!r}).read_text())\n"
        "for cell in other['cells']:\n    exec(''.join(cell['source']))",
    ],
    "reads the key": ["power = open({key!r}).read()", "print(power)"],
    "uses the network": [
        "import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=1).close()",
        "power = 'connected'",
    ],
    "loops in the answer": [
        "def scaled(x):\n    while True:\n        try:\n            time.sleep(0.01)\n"
        "        except BaseException:\n            pass",
        GOOD_POWER,
    ],
    "exits in the answer": ["def scaled(x):\n    os._exit(0)", GOOD_POWER],
    "not a number": ["def scaled(x):\n    return x * np.nan\npower = float('nan')"],
    "wrong shape": ["def scaled(x):\n    return np.ones((3, 0, 7))\npower = [[1], [2, 3]]"],
    "huge array": ["def scaled(x):\n    return np.ones(20_000_000)\npower = 'x' * 10**7"],
    "an object": [
        "class Always:\n    def __eq__(self, other):\n        return True\n"
        "    __array__ = lambda self, *a, **k: np.asarray([self], object)\n"
        "def scaled(x):\n    return Always()\npower = Always()",
    ],
    "inspects the stack": [
        "import gc\ndef scaled(x):\n    frame, seen = sys._getframe(), []\n    while frame:\n"
        "        seen.append((frame.f_code.co_name, sorted(frame.f_locals)))\n"
        "        frame = frame.f_back\n    raise ValueError(seen)\n"
        "power = [o['exponent'] for o in gc.get_objects() if type(o) is dict and 'exponent' in o]",
    ],
    "leaks inputs by an error": ["def scaled(x):\n    raise ValueError(list(x))"],
    "squares": ["def scaled(x):\n    return {a} * x**2"],
    "from another class": ['COHORT = "book"', "def scaled(x):\n    return {other_a} * x"],
    "ends the grader": ["power = 'end the grader'", GOOD_SCALED],
}


def notebook(cells, metadata=None):
    """The text of a notebook; a cell that is a pair has its kind first."""
    pairs = [cell if isinstance(cell, tuple) else ("code", cell) for cell in cells]
    written = [
        {"cell_type": kind, "metadata": {}, "source": source}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for kind, source in pairs
    ]
    return json.dumps(
        {"cells": written, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}
    )
