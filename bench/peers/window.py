"""How compare.py and a peer talk: the peer says on stdout that it is ready, runs a window of the seconds that each
line of stdin names, and answers with a line of JSON. At the end of stdin it says how much memory it took, and ends."""
import argparse
import json
import resource
import sys
import time


def parser_of(doc, models, threads, batch):
    """The flags that all peers take, with these defaults."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=models)
    parser.add_argument("--work", choices=("train", "predict"), default="train")
    parser.add_argument("--type", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=threads)
    parser.add_argument("--batch", type=int, default=batch, help="samples of a step, of one process")
    parser.add_argument("--warm-up", type=int, default=4, help="steps before the first window")
    return parser


def say(**record):
    print(json.dumps(record), flush=True)


def peak_memory():
    """Bytes of this process at most so far."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def steps_for(seconds, step_seconds):
    return max(2, round(seconds / step_seconds))


def serve(step, images, name, warm_up, share=lambda steps: steps, gather=lambda value: [value]):
    """Runs `step` of `images` images over all ranks as stdin asks. share(steps) tells the ranks how many steps to
    make, and waits for all of them; gather(value) returns each rank's value. Rank 0 calls this; the others, follow."""
    step_seconds = time_of(step, warm_up, share)
    say(ready=True, peer=name, step_seconds=step_seconds)
    for line in sys.stdin:
        steps = steps_for(float(line), step_seconds)
        share(steps)
        start = time.perf_counter()
        for _ in range(steps):
            step()
        share(0)
        seconds = time.perf_counter() - start
        step_seconds = seconds / steps
        say(images=steps * images, seconds=seconds)
    share(-1)
    say(memory=max(gather(peak_memory())))


def time_of(step, warm_up, share):
    """Seconds of a step, after some to warm up."""
    share(warm_up)
    for _ in range(warm_up):
        start = time.perf_counter()
        step()
        seconds = time.perf_counter() - start
    share(0)
    return seconds


def follow(step, share, gather):
    """What the other ranks do."""
    while True:
        steps = share(0)
        if steps < 0:
            break
        for _ in range(steps):
            step()
        share(0)
    gather(peak_memory())
