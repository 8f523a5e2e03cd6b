#!/usr/bin/python3
"""Writes ResNet-20 (the CIFAR form, batch norm folded) for ONNX Runtime: resnet20_fp32.onnx and resnet20_int8.onnx.

    onnx_models.py DIRECTORY

The second quantizes weights and every activation in ONNX's own form (QuantizeLinear/DequantizeLinear, opset 13), which
the runtime turns into its integer operators. Weights are random and the scales made up: for timing, not for accuracy.
Needs Debian's python3-onnx.
"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

X_SCALE = np.float32(0.05)


class Network:
    """Nodes and constants of one graph; every value is named by the node that makes it."""

    def __init__(self, is_int8):
        self.is_int8, self.nodes, self.constants = is_int8, [], []
        self.random = np.random.default_rng(0)

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind, inputs, name, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def quantized(self, x, zero_point=0):
        """x as 8-bit integers and back, where the network is quantized."""
        if not self.is_int8:
            return x
        scale = self.constant(x + ".scale", X_SCALE)
        zero = self.constant(x + ".zero", np.uint8(zero_point))
        q = self.node("QuantizeLinear", [x, scale, zero], x + ".q")
        return self.node("DequantizeLinear", [q, scale, zero], x + ".dq")

    def weights(self, name, shape):
        w = self.random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)
        bias = self.random.normal(0, 0.1, shape[0]).astype(np.float32)
        if not self.is_int8:
            return [self.constant(name + ".w", w), self.constant(name + ".b", bias)]
        scale = (np.abs(w).reshape(shape[0], -1).max(1) / 127).astype(np.float32)
        q = np.rint(w / scale.reshape(-1, *[1] * (len(shape) - 1))).astype(np.int8)
        sums = np.rint(bias / (scale * X_SCALE)).astype(np.int32)
        return [self.dequantized(name + ".w", q, scale, np.int8),
                self.dequantized(name + ".b", sums, scale * X_SCALE, np.int32)]

    def dequantized(self, name, integers, scale, kind):
        inputs = [self.constant(name + ".q", integers), self.constant(name + ".scale", scale),
                  self.constant(name + ".zero", np.zeros(len(scale), kind))]
        return self.node("DequantizeLinear", inputs, name, axis=0)

    def conv(self, name, x, shape, stride, relu=True):
        y = self.node("Conv", [x, *self.weights(name, shape)], name, kernel_shape=list(shape[2:]), strides=[stride] * 2,
                      pads=[shape[2] // 2] * 4)
        return self.quantized(self.node("Relu", [y], name + ".relu")) if relu else self.quantized(y, 128)

    def block(self, name, x, width_in, width, stride):
        y = self.conv(name + ".conv1", x, (width, width_in, 3, 3), stride)
        y = self.conv(name + ".conv2", y, (width, width, 3, 3), 1, relu=False)
        if width_in != width:
            x = self.conv(name + ".down", x, (width, width_in, 1, 1), stride, relu=False)
        return self.quantized(self.node("Relu", [self.node("Add", [y, x], name + ".sum")], name + ".relu"))

    def resnet20(self):
        x, width_in = self.conv("conv1", self.quantized("x", 128), (16, 3, 3, 3), 1), 16
        for stage, width in enumerate((16, 32, 64)):
            for block in range(3):
                x = self.block(f"stage{stage}.{block}", x, width_in, width, 2 if width_in != width else 1)
                width_in = width
        x = self.quantized(self.node("GlobalAveragePool", [x], "mean"))
        x = self.node("Flatten", [x], "flat")
        self.node("Gemm", [x, *self.weights("fc", (10, 64))], "y", transB=1)

    def save(self, path):
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
                  for name, shape in (("x", (3, 32, 32)), ("y", (10,)))]
        graph = helper.make_graph(self.nodes, path.stem, values[:1], values[1:], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 7
        onnx.checker.check_model(model)
        onnx.save(model, path)


def main():
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    for is_int8, name in ((False, "resnet20_fp32"), (True, "resnet20_int8")):
        network = Network(is_int8)
        network.resnet20()
        network.save(pathlib.Path(sys.argv[1]) / f"{name}.onnx")


if __name__ == "__main__":
    main()
