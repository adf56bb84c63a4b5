// Runs each NAME.onnx of a folder on the images of NAME.images (float32, as the model's input), all at once and the first alone, with ONNX Runtime.
// Writes the logits, those of the single image last, to NAME.logits, and prints what the model says of its input and output.
const fs = require('fs'), path = require('path'), ort = require('onnxruntime-node');

async function run(file) {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1 });
  const bytes = fs.readFileSync(file.replace('.onnx', '.images'));
  const images = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const shape = session.inputMetadata[0].shape.slice(1);
  const each = shape.reduce((a, b) => a * b);
  const logits = [];
  for (const n of [images.length / each, 1]) {
    const out = await session.run({ input: new ort.Tensor('float32', images.slice(0, n * each), [n, ...shape]) });
    logits.push(...out.logits.data);
  }
  fs.writeFileSync(file.replace('.onnx', '.logits'), new Uint8Array(new Float32Array(logits).buffer));
  console.log(JSON.stringify({ name: path.basename(file, '.onnx'), input: session.inputMetadata, output: session.outputMetadata }));
}

(async () => {
  for (const name of fs.readdirSync(process.argv[2]).sort()) if (name.endsWith('.onnx')) await run(path.join(process.argv[2], name));
})();
