#!/usr/bin/python3
"""Recomputes in PyTorch what our operations gave: torch_ops.py PROGRAM, where PROGRAM FILE writes the cases (ops_cases).

Every case is compared in double precision, value and all gradients, within 1e-9 of the largest element.
Exit 0: all agree. 1: some do not, each is named. 77: there is no PyTorch, so nothing was compared.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
from collections import Counter

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as missing:
    print(f"skipped: {missing}; Debian has it as python3-torch")
    sys.exit(77)


def read(path):
    """metadata and {name: array} of a safetensors file of F64 sections."""
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(size))
        data = f.read()
    metadata = header.pop("__metadata__")
    arrays = {}
    for name, s in header.items():
        begin, end = s["data_offsets"]
        assert s["dtype"] == "F64", (name, s)
        arrays[name] = np.frombuffer(data[begin:end], dtype="<f8").reshape(s["shape"]).copy()
    return metadata, arrays


class Case:
    def __init__(self, name, arrays):
        self.name = name
        self.inputs = []
        while f"input{len(self.inputs)}" in arrays:
            self.inputs.append(torch.tensor(arrays[f"input{len(self.inputs)}"], requires_grad=True))
        self.value = torch.tensor(arrays["value"])
        self.direction = torch.tensor(arrays["direction"])
        self.gradients = [arrays.get(f"gradient{i}") for i in range(len(self.inputs))]
        self.attributes = {k[len("attribute/"):]: v.reshape(-1).tolist() for k, v in arrays.items()
                           if k.startswith("attribute/")}

    def number(self, name):
        return self.attributes[name][0]

    def whole(self, name):
        return int(self.attributes[name][0])

    def pair(self, name):
        return [int(v) for v in self.attributes[name]]

    def kept(self, i):
        """Input i where the attribute "keep" is not 0, and 0 elsewhere."""
        w = self.inputs[i]
        return w * torch.tensor(self.attributes["keep"], dtype=w.dtype).reshape(w.shape)

    def index(self, name):
        return torch.tensor([int(v) for v in self.attributes[name]], dtype=torch.long)


def batch_norm(c):
    x, gamma, beta = c.inputs[:3]
    mean, variance = (torch.tensor(c.attributes[k], dtype=torch.float64) for k in ("mean", "variance"))
    y = F.batch_norm(x, mean, variance, gamma, beta, training=bool(c.number("training")), momentum=0.1, eps=1e-5)
    if len(c.inputs) > 3:
        y = y + c.inputs[3]
    return F.relu(y) if c.number("relu") else y


def subsample_pad(c):
    x, stride, channels = c.inputs[0], c.whole("stride"), c.whole("channels")
    extra = channels - x.shape[1]
    return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, extra // 2, extra - extra // 2))


def distillation(c):
    x, t = c.inputs[0], c.number("temperature")
    teacher = torch.tensor(c.attributes["teacher"], dtype=torch.float64).reshape(x.shape)
    return F.kl_div(F.log_softmax(x / t, 1), F.softmax(teacher / t, 1), reduction="batchmean") * t * t


def lstm(c):
    x, h, s = c.inputs[:3]
    weights, biases = c.inputs[3:5], list(c.inputs[5:])
    hidden = h.shape[1]
    biases += [torch.zeros(4 * hidden, dtype=torch.float64)] * (2 - len(biases))
    out, hn, cn = torch._VF.lstm(x, (h[None], s[None]), [*weights, *biases], True, 1, 0.0, True, False, False)
    return torch.cat([out, hn, cn])


def dropout(c):
    """The mask is ours; what PyTorch can say is what it must do to the values."""
    keep = c.value != 0
    return c.inputs[0] * keep / (1 - c.number("p"))


def pact(c):
    x, alpha = c.inputs
    return torch.where(x >= alpha, alpha.expand(x.shape), F.relu(x))


def requantize(c):
    s, bias, scale = c.inputs[:3]
    shape = (1, -1) + (1,) * (s.dim() - 2)
    y = (s + bias.reshape(shape)) * scale.reshape(shape)
    if len(c.inputs) > 3:
        y = y + c.inputs[3] * c.inputs[4]
    return y.clamp(c.number("lowest"), c.number("highest"))


def requantize_pact(c):
    s, bias, w_step, y_step = c.inputs[:4]
    shape = (1, -1) + (1,) * (s.dim() - 2)
    y = (s + bias.reshape(shape)) * w_step.reshape(shape)
    if len(c.inputs) > 4:
        y = y + c.inputs[4]
    return (y / y_step).clamp(c.number("lowest"), c.number("highest"))


def tanh_levels(c):
    w = c.inputs[0]
    return torch.tanh(w) / torch.tensor(c.attributes["step"], dtype=w.dtype).reshape((-1,) + (1,) * (w.dim() - 1))


def weight_levels(c):
    w, step = c.inputs
    return (w / step.reshape((-1,) + (1,) * (w.dim() - 1))).clamp(-c.number("most"), c.number("most"))


WANTED = {
    "requantize": requantize,
    "requantize_pact": requantize_pact,
    "weight_levels": weight_levels,
    "tanh_levels": tanh_levels,
    "requantization_scale": lambda c: c.inputs[0] * c.inputs[1] / c.inputs[2],
    "bias_levels": lambda c: c.inputs[0] / (c.inputs[1] * c.inputs[2]),
    "add": lambda c: c.inputs[0] + c.inputs[1],
    "sub": lambda c: c.inputs[0] - c.inputs[1],
    "mul": lambda c: c.inputs[0] * c.inputs[1],
    "div": lambda c: c.inputs[0] / c.inputs[1],
    "affine": lambda c: c.inputs[0] * c.number("factor") + c.number("term"),
    "power": lambda c: c.inputs[0] ** c.number("exponent"),
    "abs": lambda c: c.inputs[0].abs(),
    "exp": lambda c: c.inputs[0].exp(),
    "log": lambda c: c.inputs[0].log(),
    "sum": lambda c: c.inputs[0].sum(),
    "mean": lambda c: c.inputs[0].mean(),
    "sum_axis": lambda c: c.inputs[0].sum(c.whole("axis"), keepdim=bool(c.number("keep"))),
    "relu": lambda c: F.relu(c.inputs[0]),
    "clipped_relu": lambda c: F.hardtanh(c.inputs[0], 0, c.number("limit")),
    "pact": pact,
    "leaky_relu": lambda c: F.leaky_relu(c.inputs[0], c.number("slope")),
    "sigmoid": lambda c: torch.sigmoid(c.inputs[0]),
    "tanh": lambda c: torch.tanh(c.inputs[0]),
    "dropout": dropout,
    "conv2d": lambda c: F.conv2d(c.inputs[0], c.inputs[1], c.inputs[2] if len(c.inputs) > 2 else None,
                                 c.pair("stride"), c.pair("padding"), c.pair("dilation"), c.whole("groups")),
    "max_pool2d": lambda c: F.max_pool2d(c.inputs[0], c.pair("kernel"), c.pair("stride"), c.pair("padding"),
                                         c.pair("dilation")),
    "average_pool2d": lambda c: F.avg_pool2d(c.inputs[0], c.pair("kernel"), c.pair("stride"), c.pair("padding")),
    "global_average_pool": lambda c: F.adaptive_avg_pool2d(c.inputs[0], 1),
    "batch_norm": batch_norm,
    "batch_statistics": lambda c: torch.stack([c.inputs[0].transpose(0, 1).flatten(1).mean(1),
                                               c.inputs[0].transpose(0, 1).flatten(1).var(1, unbiased=False)]),
    "batch_norm_fused": batch_norm,
    "batch_norm_relu": batch_norm,
    "batch_norm_eval": batch_norm,
    "softmax_cross_entropy": lambda c: F.cross_entropy(c.inputs[0], c.index("labels"),
                                                       label_smoothing=c.number("smoothing")),
    "softmax": lambda c: F.softmax(c.inputs[0], -1),
    "log_softmax": lambda c: F.log_softmax(c.inputs[0], -1),
    "nll_loss": lambda c: F.nll_loss(c.inputs[0], c.index("labels")),
    "mse_loss": lambda c: F.mse_loss(c.inputs[0], c.inputs[1]),
    "distillation_loss": distillation,
    "reshape": lambda c: c.inputs[0].reshape(c.pair("shape")),
    "flatten": lambda c: c.inputs[0].flatten(1),
    "transpose": lambda c: c.inputs[0].transpose(*c.pair("axes")),
    "concat": lambda c: torch.cat(c.inputs, c.whole("axis")),
    "narrow": lambda c: c.inputs[0].narrow(c.whole("axis"), c.whole("start"), c.whole("length")),
    "subsample_pad": subsample_pad,
    "matmul": lambda c: c.inputs[0] @ c.inputs[1],
    "linear": lambda c: F.linear(*c.inputs),
    "masked_conv2d": lambda c: F.conv2d(c.inputs[0], c.kept(1), c.inputs[2] if len(c.inputs) > 2 else None,
                                 c.pair("stride"), c.pair("padding"), c.pair("dilation"), c.whole("groups")),
    "masked_linear": lambda c: F.linear(c.inputs[0], c.kept(1), *c.inputs[2:]),
    "masked_matmul": lambda c: c.kept(0) @ c.inputs[1],
    "embedding": lambda c: F.embedding(c.index("indices"), c.inputs[0]),
    "lstm": lstm,
}


def differs(ours, theirs):
    """A sentence, or None where they agree."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.shape != theirs.shape:
        return f"shape {list(ours.shape)}, PyTorch has {list(theirs.shape)}"
    if ours.size == 0:
        return None
    bound = 1e-9 * max(1.0, float(np.abs(theirs).max()))
    off = float(np.abs(ours - theirs).max())
    return None if off <= bound else f"off by {off:.3g}, allowed are {bound:.3g}"


def compare(case):
    theirs = WANTED[case.name](case)
    found = differs(case.value, theirs.detach())
    if found:
        return "value: " + found
    theirs.backward(case.direction)
    for i, x in enumerate(case.inputs):
        ours = case.gradients[i]
        found = differs(np.zeros(x.shape) if ours is None else ours, np.zeros(x.shape) if x.grad is None else x.grad)
        if found:
            return f"gradient {i}: {found}"
    return None


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases.safetensors")
        subprocess.run([program, path], check=True)
        metadata, arrays = read(path)
    cases = {}
    for name, array in arrays.items():
        key, _, rest = name.partition("/")
        cases.setdefault(key, {})[rest] = array
    right, wrong = Counter(), 0
    for key in sorted(cases, key=int):
        case = Case(metadata[key], cases[key])
        found = compare(case)
        if found:
            wrong += 1
            print(f"{case.name}, case {key}, inputs {[list(x.shape) for x in case.inputs]}: {found}")
        else:
            right[case.name] += 1
    few = [name for name in WANTED if right[name] < 50]
    print(f"{sum(right.values())} calls of {len(right)} operations agree with PyTorch {torch.__version__}, {wrong} do not")
    if few:
        print("fewer than 50 agreeing calls: " + ", ".join(few))
    return 1 if wrong or few else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
