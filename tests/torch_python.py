"""For scripts that compare with PyTorch: a Python that has it, or no comparison."""
import importlib
import os
import sys


def need(*modules):
    """Goes on where this Python has the modules; else starts the script again with the Python that
    TRAINER_TORCH_PYTHON names, or skips (exit code 77)."""
    try:
        for module in modules:
            importlib.import_module(module)
        return
    except ImportError as problem:
        missing = problem
    other = os.environ.get("TRAINER_TORCH_PYTHON")
    if other and "TRAINER_TORCH_TRIED" not in os.environ:
        os.environ["TRAINER_TORCH_TRIED"] = "1"
        os.execv(other, [other] + sys.argv)
    print(f"skipped: {missing} (TRAINER_TORCH_PYTHON may name a Python that has {', '.join(modules)})")
    sys.exit(77)
