/**
 * Tiny RANDOM projectors of pictures for tests: the right shape and names of a LLaVA projector (CLIP's encoder, two matrices
 * into the model's width), and weights that were never trained. What a model says of a picture through one means nothing; that
 * it says something, and something else of another picture, shows that pictures reach it.
 */
import { seededRandom } from '../electron/studio/statistics/random.ts';
import { type TestTensor, writeGguf } from './native/helpers/gguf.ts';

const SIDE = 32;
const PATCH = 8;
const INNER = 16;
const LAYERS = 2;

/** Writes a projector for a model whose embeddings have that width, and returns its path. */
export function writeProjector(path: string, width: number, seed = 1): string {
  const random = seededRandom(seed);
  // Rows of a matrix are as long as its inputs are many, so that what comes out is about as large as what goes in.
  const matrix = (name: string, shape: number[], scale = 1): TestTensor => {
    const inputs = shape.slice(0, -1).reduce((product, n) => product * n, 1);
    const values = Array.from(
      { length: inputs * (shape.at(-1) ?? 1) },
      () => ((random() * 2 - 1) * scale * Math.sqrt(3)) / Math.sqrt(inputs),
    );
    return { name, shape, values };
  };
  const constant = (name: string, n: number, value: number): TestTensor => ({
    name,
    shape: [n],
    values: Array.from({ length: n }, () => value),
  });
  const norm = (name: string) => [constant(`${name}.weight`, INNER, 1), constant(`${name}.bias`, INNER, 0)];
  const linear = (name: string, inputs: number, outputs: number, scale = 1) => [
    matrix(`${name}.weight`, [inputs, outputs], scale),
    constant(`${name}.bias`, outputs, 0),
  ];
  const layers = Array.from({ length: LAYERS }, (_, layer) =>
    [
      norm(`v.blk.${layer}.ln1`),
      ...['attn_q', 'attn_k', 'attn_v', 'attn_out'].map(name =>
        linear(`v.blk.${layer}.${name}`, INNER, INNER),
      ),
      norm(`v.blk.${layer}.ln2`),
      linear(`v.blk.${layer}.ffn_up`, INNER, INNER * 2),
      linear(`v.blk.${layer}.ffn_down`, INNER * 2, INNER),
    ].flat(),
  ).flat();
  return writeGguf(
    path,
    {
      'general.architecture': 'clip',
      'general.type': 'mmproj',
      'general.name': 'Tiny random projector (a test fixture, never trained)',
      'clip.has_vision_encoder': true,
      'clip.projector_type': 'mlp',
      'clip.use_gelu': true,
      'clip.vision.image_size': SIDE,
      'clip.vision.patch_size': PATCH,
      'clip.vision.embedding_length': INNER,
      'clip.vision.feed_forward_length': INNER * 2,
      'clip.vision.block_count': LAYERS,
      'clip.vision.projection_dim': width,
      'clip.vision.attention.head_count': 2,
      'clip.vision.attention.layer_norm_epsilon': { float32: 1e-5 },
      'clip.vision.image_mean': { float32s: [0.5, 0.5, 0.5] },
      'clip.vision.image_std': { float32s: [0.5, 0.5, 0.5] },
    },
    [
      { ...matrix('v.patch_embd.weight', [PATCH, PATCH, 3, INNER]), type: 'F16' },
      matrix('v.position_embd.weight', [INNER, (SIDE / PATCH) ** 2]),
      ...norm('v.pre_ln'),
      ...layers,
      ...linear('mm.0', INNER, INNER * 2),
      ...linear('mm.2', INNER * 2, width),
    ],
  );
}
