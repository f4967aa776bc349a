// Holds llama.cpp (through node-llama-cpp) against what PyTorch expects: node verify.mjs WORK_FOLDER DEMO_FOLDER
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { getLlama } from 'node-llama-cpp';

const [work, demo] = process.argv.slice(2);
const expected = JSON.parse(readFileSync(path.join(work, 'expected.json'), 'utf8'));
const llama = await getLlama({ gpu: false, build: 'never' });
const model = await llama.loadModel({ modelPath: path.join(demo, 'base.gguf') });

const differing = expected.tokens.filter(({ text, ids }) => String(model.tokenize(text)) !== String(ids));
console.log(`tokens: ${expected.tokens.length - differing.length} of ${expected.tokens.length} texts alike`);
for (const { text, ids } of differing.slice(0, 5))
  console.log(JSON.stringify(text), ids, model.tokenize(text));

const chatMl = question =>
  model.tokenize(`<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`, true);
const digits = [1, 2, 3, 4, 5].map(digit => model.tokenize(String(digit))[0]);
let worst = 0;
let sameText = 0;
for (const { adapter, alpha, probabilities, greedy } of expected.cases) {
  const lora = adapter
    ? { adapters: [{ filePath: path.join(demo, `${adapter}.gguf`), scale: alpha }] }
    : undefined;
  const context = await model.createContext({ contextSize: 1024, threads: 1, lora });
  const sequence = context.getSequence();
  for (const [index, prompt] of expected.prompts.entries()) {
    await sequence.clearHistory();
    const tokens = chatMl(prompt);
    const input = tokens.map((token, at) =>
      at + 1 < tokens.length ? token : [token, { generateNext: { probabilities: true } }],
    );
    const output = await sequence.controlledEvaluate(input);
    const p = output.at(-1).next.probabilities;
    for (const [k, digit] of digits.entries())
      worst = Math.max(worst, Math.abs((p.get(digit) ?? 0) - probabilities[index][k]));
  }
  await sequence.clearHistory();
  const out = [];
  for await (const token of sequence.evaluate(chatMl('What are you doing this weekend?'), {
    temperature: 0,
  })) {
    if (model.isEogToken(token) || out.length >= 90) break;
    out.push(token);
  }
  const text = model.detokenize(out);
  if (text === greedy) sameText += 1;
  else console.log(`${adapter || 'base'} ${alpha}\n  llama.cpp: ${text}\n  PyTorch:   ${greedy}`);
  await context.dispose();
}
console.log(`rating probabilities: largest difference ${worst.toExponential(2)}`);
console.log(`greedy answers: ${sameText} of ${expected.cases.length} alike`);
process.exit(differing.length || worst > 0.02 ? 1 : 0);
