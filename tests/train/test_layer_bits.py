"""The same bits on 1, 2 and 4 ranks and when resumed, with the activations, normalisations and
initialisers that test_bits.py does not have."""
import pytest

from support.runs import synthesize, train, write_run_file

MODEL = """
  - conv: {out: 8, kernel: 3, padding: 1}
  - groupnorm: {groups: 4}
  - gelu
  - residual:
      body:
        - conv: {out: 8, kernel: 3, padding: 1, weight_init: dirac}
        - prelu: {slopes: channel}
        - conv: {out: 8, kernel: 3, padding: 1}
  - layernorm
  - {gelu: {form: tanh}}
  - maxpool: {kernel: 2}
  - conv: {out: 12, kernel: 3, stride: 2}
  - maxout: {pieces: 2}
  - prelu
  - flatten
  - linear: {out: 40, weight_init: lecun_normal}
  - selu
  - alpha_dropout: {rate: 0.2}
  - linear: {out: 30}
  - maxout: {pieces: 3}
  - layernorm
  - silu
  - elu
  - linear: {out: 10}

initialise: {weights: orthogonal, biases: {constant: {value: 0.01}}, residual: zero}
"""


@pytest.fixture(scope="module")
def recipe(folder):
    return write_run_file(folder, synthesize(folder), MODEL)


@pytest.fixture(scope="module")
def whole(folder, recipe):
    return train(1, recipe, f"{folder}/n1")


def test_a_run_makes_all_its_steps(whole):
    assert (whole["finished"], whole["step"]) == (True, 20)


@pytest.mark.parametrize("ranks", (2, 4))
def test_more_ranks_give_the_same_bits(folder, recipe, whole, ranks):
    assert train(ranks, recipe, f"{folder}/n{ranks}")["digest"] == whole["digest"]


def test_stopped_on_4_ranks_and_resumed_on_2_gives_the_same_bits(folder, recipe, whole):
    train(4, recipe, f"{folder}/stopped", "--stop-after", 7)
    assert train(2, recipe, f"{folder}/stopped", "--resume")["digest"] == whole["digest"]
