#!/usr/bin/env python3
"""PyTorch for compare.py: training with DistributedDataParallel (gloo), or prediction, at its best setting:
channels_last, pinned ranks, jemalloc (which compare.py preloads), the fused optimiser; in bf16 with autocast.
Prediction runs in inference mode with batch normalisation folded. Random bytes are normalised in every step, as a
real run does.

    torch_peer.py MODEL --work train --type fp32 --ranks 2 --threads 1 --batch 128

window.py says how it is spoken to: `echo 5 | torch_peer.py resnet20` runs a window of 5 seconds."""
import os
import socket
import sys

import torch
import torch.distributed
import torch.multiprocessing
from torch import nn
from torch.fx.experimental import optimization

import window
from torch_models import MODELS

BATCHES = 4  # of different images


class Job:
    """What a rank does in each step."""

    def __init__(self, arguments, distributed):
        create, shape, classes = MODELS[arguments.model]
        self.arguments, self.turn = arguments, 0
        images = torch.randint(0, 256, (BATCHES, arguments.batch, *shape), dtype=torch.uint8)
        self.images = [batch.contiguous(memory_format=torch.channels_last) for batch in images]
        self.labels = torch.randint(0, classes, (BATCHES, arguments.batch))
        self.mean = torch.tensor([125.3, 123.0, 113.9]).view(1, 3, 1, 1)
        self.scale = 1 / torch.tensor([63.0, 62.1, 66.7]).view(1, 3, 1, 1)
        self.model = create().to(memory_format=torch.channels_last)
        if arguments.work == "predict":
            self.model = optimization.fuse(self.model.eval())
            return
        if distributed:
            self.model = nn.parallel.DistributedDataParallel(self.model, forward_sync_buffers=False, static_graph=True,
                                                             gradient_as_bucket_view=True)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9, nesterov=True,
                                         weight_decay=5e-4, fused=True)

    def next_input(self):
        self.turn = (self.turn + 1) % BATCHES
        return self.images[self.turn].float().sub_(self.mean).mul_(self.scale)

    def forward(self):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.arguments.type == "bf16"):
            return self.model(self.next_input()).float()

    def step(self):
        if self.arguments.work == "predict":
            with torch.inference_mode():
                self.forward()
            return
        self.optimizer.zero_grad(set_to_none=True)
        scores = self.forward()
        nn.functional.cross_entropy(scores, self.labels[self.turn]).backward()
        self.optimizer.step()


def share(steps):
    """The number that rank 0 names, on every rank; all wait for one another."""
    if not torch.distributed.is_initialized():
        return steps
    number = torch.tensor([steps])
    torch.distributed.broadcast(number, 0)
    torch.distributed.barrier()
    return int(number)


def gather(value):
    if not torch.distributed.is_initialized():
        return [value]
    values = [torch.zeros(1, dtype=torch.int64) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(values, torch.tensor([value]))
    return [int(one) for one in values]


def work(rank, arguments, port, stdin):
    cores = sorted(os.sched_getaffinity(0))
    first = rank * arguments.threads
    os.sched_setaffinity(0, {cores[(first + thread) % len(cores)] for thread in range(arguments.threads)})
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(rank)
    if arguments.ranks > 1:
        torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=arguments.ranks)
    job = Job(arguments, arguments.ranks > 1)
    if rank == 0:
        sys.stdin = os.fdopen(stdin)
        window.serve(job.step, arguments.batch * arguments.ranks, f"PyTorch {torch.__version__}", arguments.warm_up,
                     share, gather)
    else:
        window.follow(job.step, share, gather)
    if arguments.ranks > 1:
        torch.distributed.destroy_process_group()


def main():
    parser = window.parser_of(__doc__, MODELS, threads=1, batch=128)
    parser.add_argument("--ranks", type=int, default=2)
    arguments = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stdin = os.dup(0)
    if arguments.ranks == 1:
        work(0, arguments, port, stdin)
    else:
        os.set_inheritable(stdin, True)
        torch.multiprocessing.start_processes(work, (arguments, port, stdin), arguments.ranks, start_method="fork")


if __name__ == "__main__":
    main()
