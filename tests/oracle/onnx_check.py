#!/usr/bin/python3
"""Reads an ONNX file as others do: onnx_check.py MODEL.onnx [IMAGES.f32 LOGITS.f32 COUNT [SHARE]]

onnx's own checker and shape inference first; then, where images [COUNT, c, h, w] and logits are given, the graph is run
node by node in PyTorch by the operators' definitions, in double precision, and must give the logits within SHARE (2e-4)
of the largest. Exit 0: fine. 1: not. 77: Debian's python3-onnx or python3-torch is missing.
"""
import sys

try:
    import numpy as np
    import onnx
    import torch
    import torch.nn.functional as F
    from onnx import numpy_helper, shape_inference
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def pads(a):
    assert a["pads"][:2] == a["pads"][2:], "symmetric pads"
    return a["pads"][:2]


def slice_op(a, x, starts, ends, axes, steps):
    index = [slice(None)] * x.dim()
    for s, e, axis, step in zip(*(t.tolist() for t in (starts, ends, axes, steps))):
        index[axis] = slice(s, e, step)
    return x[tuple(index)]


def pad_op(a, x, amounts):
    n = amounts.numel() // 2
    both = [int(v) for axis in reversed(range(n)) for v in (amounts[axis], amounts[axis + n])]
    return F.pad(x, both)


def per_axis(values, a, x):
    """A scale or zero point for each index of an axis, or the one for all."""
    return values if values.dim() == 0 else values.reshape([-1 if i == a["axis"] else 1 for i in range(x.dim())])


def dequantize(a, x, scale, zero):
    return (x.double() - per_axis(zero, a, x)) * per_axis(scale, a, x)


OPERATORS = {
    "QuantizeLinear": lambda a, x, scale, zero: (torch.round(x / scale) + zero).clamp(0, 255),
    "DequantizeLinear": dequantize,
    "Conv": lambda a, x, w, b=None: F.conv2d(x, w, b, a["strides"], pads(a), a["dilations"], a["group"]),
    "Gemm": lambda a, x, w, b=0: x @ (w.T if a["transB"] else w) + b,
    "BatchNormalization": lambda a, x, g, b, m, v: F.batch_norm(x, m, v, g, b, False, 0, a["epsilon"]),
    "MaxPool": lambda a, x: F.max_pool2d(x, a["kernel_shape"], a["strides"], pads(a)),
    "GlobalAveragePool": lambda a, x: x.mean((2, 3), keepdim=True),
    "Flatten": lambda a, x: x.flatten(a["axis"]),
    "Concat": lambda a, *xs: torch.cat(xs, a["axis"]),
    "Clip": lambda a, x, low, high: x.clamp(low.item(), high.item()),
    "Add": lambda a, x, y: x + y,
    "Relu": lambda a, x: F.relu(x),
    "Sigmoid": lambda a, x: torch.sigmoid(x),
    "Tanh": lambda a, x: torch.tanh(x),
    "Identity": lambda a, x: x,
    "Slice": slice_op,
    "Pad": pad_op,
}


def constant(t):
    values = torch.from_numpy(numpy_helper.to_array(t).copy())
    return values.double() if values.is_floating_point() else values


def run(graph, images):
    known = {t.name: constant(t) for t in graph.initializer}
    known[graph.input[0].name] = images
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        known[node.output[0]] = OPERATORS[node.op_type](attributes, *(known[i] for i in node.input))
    return known[graph.output[0].name]


def main():
    path, *data = sys.argv[1:]
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    if not data:
        return
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
    images = np.fromfile(data[0], dtype="<f4").reshape(int(data[2]), *shape)
    ours = np.fromfile(data[1], dtype="<f4").reshape(int(data[2]), -1)
    theirs = run(model.graph, torch.from_numpy(images).double()).numpy()
    difference, largest = np.abs(ours - theirs).max(), np.abs(theirs).max()
    print(f"{len(model.graph.node)} nodes; largest difference {difference:.3g} of {largest:.3g}")
    if not difference <= (float(data[3]) if len(data) > 3 else 2e-4) * max(largest, 1e-3):
        sys.exit(1)


if __name__ == "__main__":
    main()
