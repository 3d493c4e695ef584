"""What all Python tests share: the seed, and folders that are removed after the tests."""
import os
import random
import signal
import sys
import tempfile

import pytest

sys.dont_write_bytecode = True
# A shell's background job ignores SIGINT. The programs of the tests would inherit that, and scripts cannot undo it.
signal.signal(signal.SIGINT, signal.default_int_handler)
pytest.register_assert_rewrite("support")


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=int(os.environ.get("TRAINER_TEST_SEED") or 1),
                     help="where random draws begin (also: TRAINER_TEST_SEED in the environment)")
    runs = parser.getgroup("random run files", "of train/test_random_runs.py")
    runs.addoption("--valid", type=int, default=10, help="how many valid run files are trained")
    runs.addoption("--invalid", type=int, default=300, help="how many invalid run files are refused")
    runs.addoption("--damaged", type=int, default=200, help="how many damaged run files are read or refused")
    runs.addoption("--keep", help="a folder for the run files that failed")
    training = parser.getgroup("losses beside PyTorch's", "of train/test_training_torch.py")
    training.addoption("--steps", type=int, default=20, help="how many steps are compared")
    training.addoption("--control", action="store_true", help="also compare our backends with one another")


def pytest_report_header(config):
    return f"seed: {config.getoption('--seed')} (--seed or TRAINER_TEST_SEED sets another)"


@pytest.fixture(scope="session")
def seed(request):
    return request.config.getoption("--seed")


@pytest.fixture
def rng(request, seed):
    """A generator that depends on the seed and on the test's name, not on which tests ran before."""
    return random.Random(f"{seed} {request.node.name}")


@pytest.fixture(scope="module")
def folder():
    """The path of a folder that the tests of one file share."""
    with tempfile.TemporaryDirectory(prefix="trainer-test-", ignore_cleanup_errors=True) as path:
        yield path


@pytest.fixture
def scratch():
    """The path of a folder of one test's own."""
    with tempfile.TemporaryDirectory(prefix="trainer-test-", ignore_cleanup_errors=True) as path:
        yield path
