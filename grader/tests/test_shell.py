"""What IPython runs is run: the same names get the same values, over many kinds of cell."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FUNCTION = "def f(x):\n    return 2 * x"

# Cells of each kind; what they bind is compared. Commands of the system print nothing here.
KINDS = {
    "help after a name": [FUNCTION + "\nf?\ny = f(1)"],
    "help before a name": [FUNCTION, "?f\ny = 1"],
    "source of a name": ["import os\nos.path.join??\ny = 1"],
    "a question in a string": ["y = 'really?'"],
    "a command": ["!true\ny = 1"],
    "a command over two lines": ["!true \\\n    --quiet\ny = 1"],
    "a command with a value": ["n = 3", "!true {n} $n\ny = 1"],
    "output of a command": ["lines = !true\nn = len(lines)"],
    "output over two lines": ["lines = !true \\\n  --quiet\ny = 1"],
    "a command in a block": ["if True:\n    !true\n    y = 1"],
    "output of a whole cell": ["%%!\ntrue", "y = 1"],
    "pip": ["%pip --version\ny = 1"],
    "pip in a block": [
        "import sys\nif 'google.colab' in sys.modules:\n    %pip list > a.txt\ny = 1"
    ],
    "a line that is timed": ["%time x = 2"],
    "a value that is timed": ["x = %time 2 + 3"],
    "timeit with its result": ["r = %timeit -o -q -n1 -r1 1\nloops = r.loops"],
    "a cell that is timed": ["%%time\nx = 2\ny = 3"],
    "a cell of timeit": ["z = 0", "%%timeit -n1 -r1\nz = 1"],
    "captured output": ["%%capture out\nprint(1)\nx = 2", "text = out.stdout"],
    "captured and dropped": ["%%capture\nx = 2"],
    "a module that is written": ["%%writefile helper.py\nfactor = 3", "from helper import factor"],
    "a module in two pieces": [
        "%%writefile helper.py\na = 1",
        "%%writefile -a helper.py\nb = 2",
        "import helper\nb = helper.b",
    ],
    "a file that is run": ["%%writefile program.py\nresult = 7", "%run program.py"],
    "bash": ["%%bash\ntrue", "y = 1"],
    "bash with its output": ["%%bash --out text\ntrue", "y = text"],
    "sh": ["%%sh\ntrue", "y = 1"],
    "a script": ["%%script true\nnothing", "y = 1"],
    "figures inline": ["%matplotlib inline\ny = 1"],
    "figures": ["%matplotlib\ny = 1"],
    "await": ["import asyncio\ny = await asyncio.sleep(0, 5)"],
    "await of one's own": ["async def g():\n    return 4", "y = await g()"],
    "an asynchronous loop": [
        "async def count():\n    for n in range(3):\n        yield n",
        "y = [n async for n in count()]",
        "total = 0\nasync for n in count():\n    total += n",
    ],
    "an indented paste": ["    x = 1\n    y = 2"],
    "a paste with prompts": [">>> x = 1\n>>> def f(n):\n...     return n + x\n>>> y = f(1)"],
    "a paste from IPython": ["In [1]: x = 1\nIn [2]: y = x + 1"],
    "display": ["display(1, 'two')\ny = 1"],
    "display with a handle": ["h = display(1, display_id='one')\nh.update(2)\ny = h.display_id"],
    "display imported": ["from IPython.display import HTML, display\ndisplay(HTML('x'))\ny = 1"],
    "the last output": ["21 * 2", "y = _"],
    "the last outputs": ["1", "2", "3", "y = (_, __, ___)"],
    "an output by number": ["5", "6", "y = Out[1] + _2"],
    "an output that is not kept": ["5", "6;", "y = _"],
    "inputs": ["x = 1", "y = (In[1], _i)"],
    "reloading": ["%load_ext autoreload\n%autoreload 2\ny = 1"],
    "a magic as a call": ["get_ipython().run_line_magic('precision', '3')\ny = 1"],
    "a cell's magic as a call": ["get_ipython().run_cell_magic('capture', 'out', 'x = 1')"],
    "a magic of old": ["get_ipython().system('true')\ny = get_ipython().getoutput('true')"],
    "the shell imported": ["from IPython import get_ipython\ny = get_ipython() is not None"],
    "the environment": ["%env RESODE_KIND=3", "y = %env RESODE_KIND"],
    "another folder": ["import os\nos.mkdir('sub')\n%cd -q sub\ny = os.path.basename(os.getcwd())"],
    "a magic without its sign": ["import os\nos.mkdir('sub')", "cd -q sub", "y = os.listdir('..')"],
    "names": ["x = 1", "names = %who_ls int"],
    "a new start": ["x = 1", "%reset -f", "y = 2"],
    "html": ["%%html\n<b>x</b>", "y = 1"],
    "a profile": [FUNCTION, "%prun -q f(1)\ny = 1"],
    "settings": ["%xmode Plain\n%config IPCompleter.greedy = True\ny = 1"],
    "a call without brackets": ["x = []", "/x.append 3", ", x.append four", "y = list(x)"],
    "exit": ["x = 1\nexit", "y = 2"],
    "the end of the program": ["import sys\nx = 1\nsys.exit(1)\nz = 3", "y = 2"],
    "an error in a cell": ["x = 1\n1 / 0\nz = 3", "y = 2"],
    "a name that is not there": ["x = 1\nx = nothing\nz = 3", "y = 2"],
    "no Python": ["x = 1\nz = = 3", "y = 2"],
    "no such magic": ["x = 1\n%nosuch\nz = 3", "y = 2"],
    "no such cell magic": ["%%nosuch\nz = 3", "y = 2"],
    "nobody to ask": ["x = input()", "y = 2"],
    "a remainder over two lines": ["y = 7 \\\n % 4"],
    "conversions": ["x = 'a'\ny = f'{x!r}'"],
    "the future": [
        "from __future__ import annotations",
        "def f(x: nowhere):\n    return x\ny = f(1)",
    ],
    "the module's name": ["y = __name__", "z = '__file__' in globals()"],
    "classes": ["import pickle\nclass C:\n    n = 3", "y = pickle.loads(pickle.dumps(C())).n"],
    "the source of a function": [FUNCTION, "import inspect\ny = inspect.getsource(f)"],
    "comments": ["# nothing", "", "y = 1"],
    "line ends of Windows": ["x = 1\r\ny = 2\r\n"],
    "a null character": ["x = 1\0", "y = 2"],
}

PROGRAM = '''
import json, os, pathlib, re, sys, types
from IPython.core.interactiveshell import InteractiveShell

kinds, which = json.loads(sys.stdin.read()), sys.argv[1]
sys.stdin = open(os.devnull)
here = pathlib.Path.cwd()
base = {name: module for name, module in sys.modules.items()}

if which == "ours":
    from resode_grader import _shell
    begin, run = _shell.start, lambda shell, cell: shell.run(cell)
else:
    class Real(InteractiveShell):
        def enable_gui(self, gui=None):  # a kernel has an own way, the bare shell none
            pass

    def begin(module):
        sys.path.insert(0, "")  # as a kernel does
        return Real.instance(user_module=module)

    run = lambda shell, cell: shell.run_cell(cell, store_history=True)


def seen(value):
    """A value as text, where it has the same text in every process."""
    kind = type(value).__name__
    if kind in ("function", "async_function", "module", "type"):
        return f"{kind} {value.__name__}"
    return f"{kind} {value!r}" if kind in KNOWN else kind


KNOWN = ("int", "str", "float", "list", "tuple", "bool", "NoneType", "SList", "dict")
HIDDEN = {"In", "Out", "get_ipython", "exit", "quit", "open"}
found = {}
for number, (kind, cells) in enumerate(kinds.items()):
    folder = here / str(number)
    folder.mkdir()
    os.chdir(folder)
    sys.modules.pop("helper", None)
    shell = begin(types.ModuleType("__main__"))
    with open(os.devnull, "w") as nobody:
        sys.stdout, before = nobody, sys.stdout
        for cell in cells:
            run(shell, cell)
        sys.stdout = before
    names = {n: v for n, v in shell.user_ns.items() if n[0] != "_" and n not in HIDDEN}
    found[kind] = {name: seen(value) for name, value in sorted(names.items())}
    type(shell).clear_instance()
print(json.dumps(found))
'''


def bound(which, folder):
    """What the cells of each kind bind, in a process of its own."""
    folder.mkdir()
    (folder.parent / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(folder.parent / "program.py"), which],
        input=json.dumps(KINDS),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """By kind, what IPython binds and what a submission binds."""
    folder = tmp_path_factory.mktemp("shell")
    real, ours = bound("real", folder / "real"), bound("ours", folder / "ours")
    return {kind: (real[kind], ours[kind]) for kind in KINDS}


def test_the_same_names_are_bound_to_the_same_values(tables):
    assert len(tables) >= 40
    rows = [
        f"{'same' if real == ours else 'DIFFERENT':10}{kind:30}{real} | {ours}"
        for kind, (real, ours) in tables.items()
    ]
    assert all(real == ours for real, ours in tables.values()), "\n".join(rows)


def test_most_kinds_bind_what_follows_them(tables):
    """A shell that runs nothing at all would agree with itself."""
    without = [kind for kind, (real, _) in tables.items() if not real]
    assert without == []


def program_of_one_shell(cells):
    """A program that runs cells in the shell of submissions and prints what they bind."""
    return (
        "import json, types\nfrom resode_grader import _shell\n"
        "shell = _shell.start(types.ModuleType('__main__'))\n"
        f"errors = [str(shell.run(cell)) for cell in {cells!r}]\n"
        "names = {n: v for n, v in shell.user_ns.items() if type(v) in (int, str, list)}\n"
        "names = {n: v for n, v in names.items() if n[0] != '_' and n != 'In'}\n"
        "print()\nprint(json.dumps([names, errors, shell.missing, shell.imported()]))"
    )


def outcome(cells, folder):
    command = [sys.executable, "-W", "ignore", "-c", program_of_one_shell(cells)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_only_what_needs_a_missing_package_is_passed_over(tmp_path):
    cells = [
        "import nowhere as na\nimport json\nframe = na.frame()\nrows = frame.rows\nx = 1",
        "y = 2\nrows.sort()\nz = json.loads('3')",
        "from nowhere.parts import Piece\npieces = [Piece()]\nw = 4\nnothing\nv = 5",
    ]
    names, errors, missing, _ = outcome(cells, tmp_path)
    assert names == {"x": 1, "y": 2, "z": 3, "w": 4}
    assert "No module named 'nowhere'" in errors[0]
    assert errors[1] == "None"
    assert missing == ["nowhere", "nowhere"]


def test_names_of_a_missing_package_may_be_any(tmp_path):
    names, *_ = outcome(
        ["from nowhere import *\nt = symbols('t')\nx = 1", "u = t\ny = 2"], tmp_path
    )
    assert names == {"x": 1, "y": 2}


def test_a_name_that_nobody_gave_ends_its_cell(tmp_path):
    names, *_ = outcome(["import nowhere\nx = 1", "undefined\ny = 2", "z = 3"], tmp_path)
    assert names == {"x": 1, "z": 3}


def test_packages_are_those_that_are_neither_python_nor_written_here(tmp_path):
    cells = ["%%writefile own.py\nn = 1", "import own, json, numpy as np\nfrom jax import nn"]
    assert outcome(cells, tmp_path)[3] == ["jax", "numpy"]


def test_no_program_is_started(tmp_path):
    mark = tmp_path / "started"
    cells = [
        f"!touch {mark}",
        f"x = !touch {mark}",
        f"%%bash\ntouch {mark}",
        f"%pip cache > {mark}",
    ]
    cells += [
        f"%sx touch {mark}",
        f"%%script sh\ntouch {mark}",
        f"%%!\ntouch {mark}",
        f"%%sx\ntouch {mark}",
    ]
    outcome(cells, tmp_path)
    assert not mark.exists()
    subprocess.run(["touch", mark], check=True)
    assert Path(mark).exists()
