"""Networks of ours beside PyTorch's: print_net gives the parameters, the input and the target that it drew, and what
comes out; PyTorch gets the same and its results are compared."""
import json
import subprocess

import torch
from torch import nn
import torch.nn.functional as F

from support.program import built


def print_net(layers, size, samples, mode):
    """A network of these layers in `mode`, training or inference, on images of `size`: a CompletedProcess."""
    words = [built("nn/print_net"), json.dumps(layers), *map(str, size), str(samples), mode]
    return subprocess.run(words, capture_output=True, text=True)


def run_network(layers, size, samples, mode):
    """What print_net prints, read."""
    done = print_net(layers, size, samples, mode)
    assert done.returncode == 0, f"{layers} on {size}: {done.stderr}"
    return json.loads(done.stdout)


def tensor(values, shape):
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def rows(found):
    """The arrays of a part of what print_net prints, by name."""
    return {name: tensor(row["values"], row["shape"]) for name, row in found.items()}


def image(values, samples, size):
    """Ours are (N,H,W,C), PyTorch's (N,C,H,W)."""
    return tensor(values, (samples, *size)).permute(0, 3, 1, 2).contiguous()


def rms_difference(ours, theirs):
    """The largest difference, relative to the root mean square of PyTorch's."""
    return ((ours - theirs).abs().max() / (1e-4 + theirs.square().mean().sqrt())).item()


class Comparison:
    """One network of ours and the same of PyTorch's.

    missing, unexpected: the names of parameters that only one of the two has.
    differences: of the scores and, in training, of the gradients of the input and of each parameter and of the
    running statistics, by name."""

    def __init__(self, layers, network, size, samples, mode):
        self.ours = run_network(layers, size, samples, mode)
        self.x = image(self.ours["input"], samples, size).requires_grad_()
        self.network = network.double()
        self.network(self.x)  # lazy modules take their shapes
        state = rows(self.ours["state"])
        self.missing, self.unexpected = self.network.load_state_dict(state, strict=False)
        self.network.train(mode == "training")
        scores = self.network(self.x)
        order = self.order_of_features(layers)
        shape = (samples, -1)
        self.differences = {"scores": rms_difference(tensor(self.ours["scores"], shape)[:, order], scores.detach())}
        if mode == "training":
            F.cross_entropy(scores, tensor(self.ours["target"], shape)[:, order]).backward()
            self.compare_gradients(samples, size)
            if layers[-1] != "flatten":
                self.compare_statistics(state)

    def order_of_features(self, layers):
        """After a flatten at the end ours are in the order (H,W,C), PyTorch's in (C,H,W)."""
        if layers[-1] != "flatten":
            return slice(None)
        _, channels, height, width = self.network[:-1](self.x).shape
        return torch.arange(channels * height * width).reshape(height, width, channels).permute(2, 0, 1).reshape(-1)

    def compare_gradients(self, samples, size):
        ours = image(self.ours["input_gradient"], samples, size)
        self.differences["gradient of the input"] = rms_difference(ours, self.x.grad)
        gradients = rows(self.ours["gradient"])
        for name, parameter in self.network.named_parameters():
            self.differences[f"gradient of {name}"] = rms_difference(gradients[name], parameter.grad)

    def compare_statistics(self, before):
        """Ours come as the statistics of the batch, which PyTorch has mixed into the running ones."""
        batch = rows(self.ours["gradient"])
        for name, module in self.network.named_modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                for key in (f"{name}.running_mean", f"{name}.running_var"):
                    after = before[key] + module.momentum * (batch[key] - before[key])
                    self.differences[key] = rms_difference(after, getattr(module, key.rpartition(".")[2]))

    def above(self, tolerance):
        """The differences above the tolerance."""
        return {name: difference for name, difference in self.differences.items() if not difference <= tolerance}
