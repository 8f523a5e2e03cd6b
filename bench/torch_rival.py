#!/usr/bin/python3
"""The same networks in PyTorch: one case a process, so that its peak memory is its own.

    torch_rival.py train resnet20-cifar --batch 128 --threads 1 --format channels_last
    torch_rival.py infer lenet5 --batch 1 --threads 2 --format folded

Needs Debian's python3-torch. Prints one JSON object: images/s (median and best round) and peak memory. One thread is
timed by CPU time, which other processes do not inflate; more threads by wall time.
"""
import argparse
import json
import os
import resource
import statistics
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("task", choices=["train", "infer"])
parser.add_argument("model", choices=["resnet20-cifar", "lenet5"])
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seconds", type=float, default=0.4, help="least length of a round")
parser.add_argument("--format", choices=["contiguous", "channels_last", "folded"], default="contiguous",
                    help="memory format; folded (infer only): batch norm folded, traced and frozen")
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)

try:
    import torch
except ImportError:
    sys.exit("torch_rival.py: PyTorch is missing; install Debian's package python3-torch")
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(args.threads)
torch.manual_seed(0)
clock = time.process_time if args.threads == 1 else time.perf_counter


class BasicBlock(nn.Module):
    """He et al. 2015, CIFAR form; a 1 x 1 convolution where the shape changes, as the library's resnet20-cifar."""

    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        self.conv2, self.bn2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        self.downsample = nn.Identity()
        if cin != cout:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x))


def resnet20():
    layers, cin = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for width in (16, 32, 64):
        for _ in range(3):
            layers.append(BasicBlock(cin, width, 1 if cin == width else 2))
            cin = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def lenet5():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                         nn.Linear(84, 10))


def fold(model):
    """Every batch norm into the convolution before it."""
    for module in model.modules():
        if isinstance(module, BasicBlock):
            for conv, bn in (("conv1", "bn1"), ("conv2", "bn2")):
                fused = torch.nn.utils.fusion.fuse_conv_bn_eval(getattr(module, conv), getattr(module, bn))
                setattr(module, conv, fused)
                setattr(module, bn, nn.Identity())
        if isinstance(module, nn.Sequential) and len(module) > 1 and isinstance(module[1], nn.BatchNorm2d):
            module[0] = torch.nn.utils.fusion.fuse_conv_bn_eval(module[0], module[1])
            module[1] = nn.Identity()
    return model


def training_step(model, x):
    target = torch.arange(args.batch) % 10
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(x), target).backward()
        optimizer.step()
    return step


def inference(model, x):
    model.eval()
    if args.format == "folded":
        model = torch.jit.freeze(torch.jit.trace(fold(model), x))
        for _ in range(3):  # the profiling executor specialises in its first runs
            model(x)
    return lambda: model(x)


def rates(call):
    call()
    start = clock()
    call()
    calls = max(1, int(args.seconds / max(clock() - start, 1e-6)))
    found = []
    for _ in range(args.rounds):
        start = clock()
        for _ in range(calls):
            call()
        found.append(args.batch * calls / (clock() - start))
    return sorted(found)


model = resnet20() if args.model == "resnet20-cifar" else lenet5()
x = torch.randn(args.batch, *((3, 32, 32) if args.model == "resnet20-cifar" else (1, 28, 28)))
if args.format == "channels_last":
    model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
if args.task == "train":
    found = rates(training_step(model, x))
else:
    with torch.no_grad():
        found = rates(inference(model, x))
print(json.dumps({"images_per_second": statistics.median(found), "best": found[-1],
                  "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
