#!/usr/bin/python3
"""Writes the golden files beside this script from PyTorch (Debian: python3-torch 1.13.1).

    make_golden.py [CHECKPOINT.safetensors]

Every file holds lines "name value value ...". Inputs are formulas of the index, so a test makes the same ones:
wave(i, a) = sin(a + 0.37 i) in float64. With the checkpoint (a trained ResNet-20) the logits are written too.
"""
import json
import math
import pathlib
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
torch.set_num_threads(1)


def wave(shape, phase, dtype=torch.float64):
    count = math.prod(shape)
    return torch.tensor([math.sin(phase + 0.37 * i) for i in range(count)], dtype=torch.float64).to(dtype).view(*shape)


def write(name, rows):
    with open(HERE / name, "w") as out:
        for key, values in rows:
            out.write(key + " " + " ".join(repr(float(v)) for v in (values if isinstance(values, list) else values.flatten().tolist())) + "\n")


def optimizers():
    cases = [
        ("sgd", lambda p: torch.optim.SGD(p, lr=0.1)),
        ("sgd_decay", lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.05)),
        ("sgd_momentum", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)),
        ("sgd_dampening", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3)),
        ("sgd_nesterov", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)),
        ("adam", lambda p: torch.optim.Adam(p, lr=0.1)),
        ("adam_decay", lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.05)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.05)),
    ]
    rows = []
    for name, make in cases:
        w = nn.Parameter(wave((7,), 1))
        optimizer = make([w])
        for step in range(20):
            w.grad = 0.3 * w.detach() + wave((7,), 2 + step)
            optimizer.step()
            if step in (0, 19):
                rows.append((f"{name}.{step + 1}", w.detach().clone()))
    write("optimizers.txt", rows)


def rates():
    def run(make, steps, rate=0.5):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=rate)
        scheduler = make(optimizer)
        values = []
        for _ in range(steps):
            values.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return values

    s = torch.optim.lr_scheduler
    rows = [
        ("step:size=3,gamma=0.5", run(lambda o: s.StepLR(o, 3, 0.5), 10)),
        ("multistep:milestones=2/5/6,gamma=0.1", run(lambda o: s.MultiStepLR(o, [2, 5, 6], 0.1), 10)),
        ("exponential:gamma=0.9", run(lambda o: s.ExponentialLR(o, 0.9), 10)),
        ("cosine:min=0.01", run(lambda o: s.CosineAnnealingLR(o, 10, 0.01), 10)),
        ("onecycle:warm=0.3,div=25,final=1e4",
         run(lambda o: s.OneCycleLR(o, max_lr=0.5, total_steps=10, pct_start=0.3), 10)),
    ]
    losses = [1.0, 0.9, 0.9, 0.95, 0.8999999, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.5)
    plateau = s.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, threshold=1e-4, min_lr=0.1)
    values = []
    for loss in losses:
        values.append(optimizer.param_groups[0]["lr"])
        plateau.step(loss)
    rows += [("plateau.losses", losses), ("plateau:factor=0.5,patience=1,threshold=1e-4,min=0.1", values)]
    write("rates.txt", rows)


def fill(module):
    with torch.no_grad():
        for i, p in enumerate(module.parameters()):
            p.copy_(0.5 * wave(p.shape, i))


def lstm():
    net = nn.LSTM(3, 4, num_layers=2).double()
    fill(net)
    x = wave((5, 2, 3), 9).requires_grad_()
    h, c = wave((2, 2, 4), 10), wave((2, 2, 4), 11)
    y, (hn, cn) = net(x, (h, c))
    (y * wave(y.shape, 12)).sum().backward()
    rows = [("y", y.detach()), ("h", hn.detach()), ("c", cn.detach()), ("x.grad", x.grad)]
    write("lstm.txt", rows + [(name, p.grad) for name, p in net.named_parameters()])


class LanguageModel(nn.Module):
    def __init__(self, words, width, tied):
        super().__init__()
        self.encoder = nn.Embedding(words, width)
        self.rnn = nn.LSTM(width, width, 2)
        self.decoder = nn.Linear(width, words)
        if tied:
            self.decoder.weight = self.encoder.weight

    def forward(self, x, state):
        y, state = self.rnn(self.encoder(x), state)
        return self.decoder(y), state


def language_model():
    rows = []
    for tied in (False, True):
        net = LanguageModel(6, 4, tied).double()
        fill(net)
        words = torch.tensor([(7 * i) % 6 for i in range(12)]).view(6, 2)
        labels = torch.tensor([(5 * i + 1) % 6 for i in range(6)])
        state = (torch.zeros(2, 2, 4).double(), torch.zeros(2, 2, 4).double())
        for window in range(2):  # the second starts from the first's state, cut from its history
            y, state = net(words[3 * window:3 * window + 3], state)
            state = tuple(t.detach() for t in state)
            net.zero_grad()
            loss = F.cross_entropy(y.view(-1, 6), labels)
            loss.backward()
            rows.append((f"tied{int(tied)}.window{window}.logits", y.detach()))
            rows.append((f"tied{int(tied)}.window{window}.loss", loss.detach()))
        rows += [(f"tied{int(tied)}.grad.{name}", p.grad) for name, p in net.named_parameters()]
    write("language_model.txt", rows)


def read_safetensors(path):
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(size))
        data = f.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).view(entry["shape"])
    return tensors


def resnet20(t, x):
    def norm(x, name):
        return F.batch_norm(x, *[t[name + part] for part in (".running_mean", ".running_var", ".weight", ".bias")])

    x = F.relu(norm(F.conv2d(x, t["conv1.weight"], padding=1), "bn1"))
    for layer in (1, 2, 3):
        for block in range(3):
            name = f"layer{layer}.{block}."
            stride = 2 if layer > 1 and block == 0 else 1
            y = F.relu(norm(F.conv2d(x, t[name + "conv1.weight"], stride=stride, padding=1), name + "bn1"))
            y = norm(F.conv2d(y, t[name + "conv2.weight"], padding=1), name + "bn2")
            if name + "downsample.0.weight" in t:
                x = norm(F.conv2d(x, t[name + "downsample.0.weight"], stride=stride), name + "downsample.1")
            x = F.relu(y + x)
    return F.linear(x.mean((2, 3)), t["fc.weight"], t["fc.bias"])


def resnet20_logits(path):
    tensors = {name.removeprefix("module."): t for name, t in read_safetensors(path).items()}
    rows = []
    for n in (1, 3):
        with torch.no_grad():
            rows.append((f"logits{n}", resnet20(tensors, wave((n, 3, 32, 32), n, torch.float32))))
    write("resnet20_logits.txt", rows)


optimizers()
rates()
lstm()
language_model()
if len(sys.argv) > 1:
    resnet20_logits(sys.argv[1])
