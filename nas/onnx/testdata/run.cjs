// With ONNX Runtime, runs each NAME.onnx of a folder on the images in NAME.images (float32, shaped like the model's
// input): all at once, then the first alone. Writes the logits to NAME.logits, the single image's last, and prints the
// model's description of its input and output.
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
  const name = path.basename(file, '.onnx');
  console.log(JSON.stringify({ name, input: session.inputMetadata, output: session.outputMetadata }));
}

(async () => {
  const folder = process.argv[2];
  for (const name of fs.readdirSync(folder).sort()) if (name.endsWith('.onnx')) await run(path.join(folder, name));
})();
