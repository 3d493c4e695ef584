#!/usr/bin/python3
"""The same bits on 1, 2 and 4 ranks and when resumed, with the activations, normalisations and initialisers that
test_bits.py does not have."""
from harness import check, result, run_file, scratch, synthesize

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

with scratch() as folder:
    recipe = run_file(folder, synthesize(folder), MODEL)
    whole = result(1, "train", recipe, "--out", f"{folder}/n1", "--quiet")
    check(whole["finished"] and whole["step"] == 20, "20 steps on one rank")
    for ranks in (2, 4):
        there = result(ranks, "train", recipe, "--out", f"{folder}/n{ranks}", "--quiet")
        check(there["digest"] == whole["digest"], f"{ranks} ranks: the same bits as 1")
    result(4, "train", recipe, "--out", f"{folder}/stopped", "--quiet", "--stop-after", 7)
    rest = result(2, "train", recipe, "--out", f"{folder}/stopped", "--quiet", "--resume")
    check(rest["digest"] == whole["digest"], "stopped on 4 ranks, resumed on 2: the same bits")
