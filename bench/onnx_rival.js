// ONNX Runtime on one model: one case a process.
//
//   NODE_PATH=FOLDER/node_modules node onnx_rival.js MODEL.onnx BATCH THREADS [ROUNDS]
//
// Needs npm's onnxruntime-node. Prints one JSON object: images/s of each round of at least 0.2 s. One thread is timed
// by the CPU time of the process, which other processes do not inflate; more threads by wall time.
'use strict';
const ort = require('onnxruntime-node');

const [model, batch, threads, rounds = 5] = [process.argv[2], ...process.argv.slice(3).map(Number)];

function seconds() {
  if (threads > 1) return Number(process.hrtime.bigint()) / 1e9;
  const used = process.cpuUsage();
  return (used.user + used.system) / 1e6;
}

async function main() {
  const session = await ort.InferenceSession.create(
      model, {intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all'});
  const dims = [batch, 3, 32, 32];
  const pixels = Float32Array.from({length: batch * 3 * 32 * 32}, () => 4 * Math.random() - 2);
  const feeds = {x: new ort.Tensor('float32', pixels, dims)};
  const timed = async (calls) => {
    const start = seconds();
    for (let i = 0; i < calls; ++i) await session.run(feeds);
    return (seconds() - start) / calls;
  };
  await timed(20);
  const calls = Math.ceil(0.2 / await timed(20));
  const found = [];
  for (let i = 0; i < rounds; ++i) found.push(batch / await timed(calls));
  console.log(JSON.stringify({version: require('onnxruntime-node/package.json').version, images_per_second: found}));
}

main().catch((e) => {
  console.error(`onnx_rival.js: ${e.message}`);
  process.exit(1);
});
