/**
 * native-merge: weight arithmetic on GGUF files. Reads and writes GGUF, makes personality vectors, mixes them into a
 * model, compares them, and turns dense vectors into LoRA adapters; exact, in bounded memory, off the JavaScript thread.
 *
 * The formulas are those of "Personality Vector" (arXiv 2509.19727) for φ = tuned − base, task arithmetic
 * (arXiv 2212.04089) and the other methods' own papers (see BakeOptions.method), with mergekit's conventions for
 * weights, densities and normalisation. All arithmetic is float32 with one rounding when a result is stored. A result depends on
 * the inputs and options alone: never on the number of threads, the CPU's instruction set or the time.
 *
 * Output appears under its name only when it is complete and flushed to the disk; a job that fails, is cancelled or is
 * killed leaves nothing behind (on Linux the unfinished file has no name; elsewhere a file `.<name>.<pid>-<n>.partial`
 * may survive a kill, until the next file is written there or removePartialFiles is called). An existing file of that
 * name is replaced in one step.
 *
 * Models may be split ("model-00001-of-00003.gguf", as llama-gguf-split writes them): the path of any part stands for
 * the whole. What is written is always one file.
 */

/** What went wrong, for programs. */
export type NativeMergeErrorCode =
  /** Not a GGUF file, or of a version or byte order that cannot be read. */
  | 'not_gguf'
  /** The file ends before the data it announces, or was cut while it was being read. */
  | 'truncated'
  /** The header contradicts itself. */
  | 'corrupt'
  /** A tensor type that ggml does not know, or that this operation cannot use; a model that llama.cpp cannot quantise. */
  | 'unsupported_type'
  /** Parts of a split model are missing, renamed, there twice, or of different models. */
  | 'bad_split'
  /** Not enough room on the disk, found beforehand or while writing. */
  | 'no_space'
  /** Opening, reading or writing failed (missing file, no permission); the addon or ggml is not there. */
  | 'io'
  /** Files that do not belong together: architecture, vocabulary, tensor names or shapes, or the wrong kind of file. */
  | 'mismatch'
  /** NaN or infinite weights in an input, or values too large for the output's type. */
  | 'not_finite'
  | 'cancelled'
  /** An option out of its range, of the wrong kind, or with a name that the function does not know. */
  | 'invalid_argument';

/** The message is one for people: what happened, to which file or tensor, and what to do. */
export class NativeMergeError extends Error {
  constructor(fields: { code: NativeMergeErrorCode; message: string; file?: string; tensor?: string });
  readonly code: NativeMergeErrorCode;
  /** Path of the file that the error is about. */
  readonly file?: string;
  /** Name of the tensor that the error is about. */
  readonly tensor?: string;
}

/** Numbers beyond ±(2⁵³ − 1) are bigints. */
export type MetadataValue = string | number | bigint | boolean | MetadataValue[];

/**
 * Metadata to write. Numbers: whole ones become uint32, or int64 outside its range; others float64. Bigints become
 * uint64. Keys that say what a file is (general.type, general.architecture, general.alignment, general.file_type,
 * general.quantization_version, adapter.*, split.*) cannot be set.
 */
export type WrittenMetadata = Record<string, string | number | bigint | boolean>;

export interface TensorInfo {
  name: string;
  /** ggml's name in upper case: 'F32', 'F16', 'BF16', 'Q8_0', 'Q4_K', … */
  type: string;
  /** 1 to 4 dimensions in ggml order: shape[0] is the row length. A matrix of shape [in, out] has `out` rows. */
  shape: number[];
  bytes: number;
  /** From the start of its file, in bytes. */
  offset: number;
  /** Its file, as a position in `files`. */
  part: number;
}

export interface GgufInfo {
  /** Paths of the parts of a split model, in order; else the path that was asked for. */
  files: string[];
  /** 2 or 3. */
  version: number;
  /** Of a split model: the first part's, without split.no, split.count and split.tensors.count. */
  metadata: Record<string, MetadataValue>;
  /** In file order, part after part. */
  tensors: TensorInfo[];
  /** Where tensor data begins in the first file, in bytes. */
  dataOffset: number;
  /** Of all files. */
  fileBytes: number;
}

export interface JobProgress {
  /** 0 … total. */
  done: number;
  total: number;
  /**
   * Bytes of work: each stored byte once, and once more for every time its tensor must be looked at before. Tensors that
   * are quantised to a mix count in float32, and eight times more for the quantising.
   */
  unit: 'bytes';
  /** Tensor at hand. */
  tensor?: string;
}

/** How to watch and stop a job. */
export interface Watch {
  /** At most about 20 times a second, and once at the end. */
  onProgress?: (progress: JobProgress) => void;
  /** Aborting rejects the job with 'cancelled', well within a second. */
  signal?: AbortSignal;
}

/**
 * The header of a GGUF file, checked throughout: magic, version, counts, types, alignment, names, and every tensor
 * inside the file and clear of the others; of a split model, all parts and that they belong together. Tensor data is not
 * read. Synchronous; about 50 ms for a vocabulary of 128k.
 * @throws {NativeMergeError} not_gguf, truncated, corrupt, unsupported_type, bad_split, io
 */
export function readGguf(path: string): GgufInfo;

export interface Fingerprint {
  /**
   * SHA-256 in hex of what a vector must agree with: general.architecture; block_count, embedding_length,
   * feed_forward_length, head counts, key and value lengths, rope.dimension_count and expert_count of that
   * architecture; the tokenizer's tokens; and names and shapes of all tensors, sorted. Types and values do not enter: a
   * model and its quantisation have the same backbone.
   */
  backbone: string;
  /** SHA-256 in hex over the tensors sorted by name: name, shape, type, and the SHA-256 of the stored bytes. */
  content: string;
}

/**
 * Identity of a model, vector or adapter. Reads the whole file.
 * @throws {NativeMergeError} what readGguf throws; cancelled
 */
export function fingerprint(path: string, options?: { threads?: number } & Watch): Promise<Fingerprint>;

export interface ExtractOptions {
  /** The model that was fine-tuned. F32, F16 or BF16; any type when `tuned` is an adapter. */
  base: string;
  /** The fine-tuned model (F32, F16 or BF16), or a LoRA adapter in llama.cpp's format. */
  tuned: string;
  out: string;
  /** How a dense vector is stored; its 1-D tensors are always F32. Default 'f32', the only exact one. */
  type?: 'f32' | 'f16' | 'bf16';
  /** Added to the file, for example temperament.vector.trait. */
  metadata?: WrittenMetadata;
  /** 0 or left out: all CPUs. */
  threads?: number;
}

export interface LayerChange {
  tensor: string;
  /** ‖φ‖₂ of the tensor. */
  norm: number;
  /** ‖base‖₂ of the tensor. */
  baseNorm: number;
  /** norm / baseNorm; 0 where the base is all zeros. */
  relative: number;
}

export interface ExtractResult {
  kind: 'dense' | 'low_rank';
  /** In the base's order. Dense: every tensor, unchanged ones with norm 0. Low rank: those with factors. */
  layers: LayerChange[];
  /** Over all of `layers`. */
  norm: number;
  baseNorm: number;
  relative: number;
  /** Numbers stored in the vector. */
  entries: number;
  bytes: number;
  seconds: number;
}

/**
 * Makes a personality vector φ = tuned − base, in float32, tensor by tensor.
 *
 * Dense: the file has general.type 'personality-vector', general.architecture, and a tensor of the base's name and
 * shape for every tensor that changed. From an adapter: the factors, alpha and metadata are kept as they are
 * (general.type 'adapter'), so llama.cpp loads the vector as the adapter it is.
 *
 * base + 1·φ gives back `tuned` bit for bit wherever float32 can (φ stored as F32): always for F16 models with
 * |weights| < 1, and for BF16 and F32 where tuned and base are of one sign and within a factor of two (Sterbenz); else
 * within one rounding of φ. A weight that became −0 comes back as +0.
 *
 * @throws {NativeMergeError} mismatch (naming the first difference; also when nothing differs), unsupported_type,
 *   not_finite, no_space, cancelled, invalid_argument, and what readGguf throws
 */
export function extract(options: ExtractOptions, watch?: Watch): Promise<ExtractResult>;

export type MergeMethod =
  | 'task_arithmetic'
  | 'ties'
  | 'dare_linear'
  | 'dare_ties'
  | 'breadcrumbs'
  | 'breadcrumbs_ties'
  | 'della_linear'
  | 'della'
  | 'sce'
  | 'tsv_m'
  | 'knots_ties'
  | 'slerp'
  | 'nuslerp'
  | 'model_stock'
  | 'karcher';

/**
 * α; −1e6 … 1e6. A list is read as a line over the depth of the model: its L points are spread evenly from the first
 * block to the last (blocks are counted by the tensor names 'blk.<number>.'), with straight lines between them, as
 * mergekit reads lists. Outside of the blocks, tensors whose name begins with 'output' (output head and final norm)
 * take the last point and all others (embeddings, rope factors) the first. A model of one block takes the first.
 */
export type Weight = number | number[];

export interface WeightRule {
  /** Part of a tensor name; with * (any characters) or ? (any one) a pattern for the whole name. */
  filter: string;
  weight: Weight;
}

export interface BakeVector {
  /** A dense personality vector, or an adapter: then δ = scale · B·A with scale = adapter.lora.alpha / rank (1 without alpha). */
  path: string;
  /** Names the vector in random masks; unique among the vectors. The trait's name, not the path. */
  id: string;
  weight: Weight;
  /** Weights by tensor name: the first rule that matches takes the place of `weight`. Default: none. */
  weights?: WeightRule[];
  /**
   * Share of entries kept, in (0, 1]; 1 changes nothing. Default: 0.5 for dare_* and della*, 0.3 for ties, knots_ties and
   * breadcrumbs* (the paper's drop rate 0.5 and trim rate 0.7). The other methods take none.
   */
  density?: number;
}

export interface BakeOptions {
  /**
   * The model to start from. Any type that ggml can dequantise, but see the note 'quantised_base': bake from an
   * unquantised source.
   */
  base: string;
  out: string;
  /**
   * Type of the matrices. Norms, biases and the few tensors that llama.cpp keeps in full precision are stored as F32.
   * Q8_0 as llama.cpp's reference quantiser; matrices with rows not divisible by 32 become F16 then. A QuantizedType is
   * a mix of types, of which llama.cpp chooses one for every tensor.
   */
  type: 'f32' | 'f16' | 'bf16' | 'q8_0' | QuantizedType;
  /**
   * For a QuantizedType: path of an importance matrix, a GGUF file of llama-imatrix. iq1_*, iq2_*, iq3_xxs and q2_k_s
   * cannot do without one. As llama-quantize does, the file's name and text are noted under quantize.imatrix.*.
   */
  imatrix?: string;
  /**
   * All work tensor by tensor. b is the base's tensor, δᵢ the change as stored, N its entries, wᵢ the weight in this
   * tensor, dᵢ the density; vectors with wᵢ = 0 are left out, vectors without this tensor have δᵢ = 0.
   *
   * Sums of changes, b + λ·Σ wᵢδᵢ, where each δᵢ is first thinned out (arXiv 2212.04089 for the plain sum):
   * - task_arithmetic: not at all.
   * - ties (arXiv 2306.01708): the ⌊dᵢN⌋ entries of largest |δᵢ| are kept, ties at the threshold in favour of the
   *   lowest index. See `trim`.
   * - dare_linear, dare_ties (arXiv 2311.03099): each entry is kept with probability dᵢ. The mask is Philox4x32-7 keyed
   *   by ('dare', seed, id, tensor name) at the entry's index, against ⌊2³²·dᵢ⌋ (native-merge/src/random.h says how an
   *   index becomes a word). See `rescale`.
   * - breadcrumbs, breadcrumbs_ties (arXiv 2312.06795): in the order of ties the first ⌊γN⌋ entries are dropped (fewer if
   *   less than that is left beside ⌊dᵢN⌋), the next ⌊dᵢN⌋ kept.
   * - della_linear, della (arXiv 2406.11617): as dare with a key of 'della', but the probability is
   *   pⱼ = dᵢ + ε − 2ε·r/(n − 1) for the entry of rank r = 0 … n − 1 in its row of n, largest |δᵢ| first, ties by
   *   index; dᵢ where n = 1. A row is shape[0] entries; a 1-D tensor is one row. See `rescale`.
   * ties, dare_ties, breadcrumbs_ties and della then elect a sign, see `election`.
   *
   * sce (arXiv 2408.07990, as in mergekit): of uᵢ = wᵢδᵢ the ⌊`selectTopk` · M⌋ entries of largest variance over the
   * vectors are kept, M being those where it is not zero (compared as standard deviations rounded to float32, ties by
   * index); eᵢ = Σuᵢ² over what is kept, divided by the sum of all; s = +1 where Σuᵢ ≥ 0, else −1;
   * b + λ · Σ eᵢuᵢ / Σ eᵢ over the uᵢ of sign s (0 counts as 1). With `selectTopk` below 1 a single vector leaves the
   * base as it is: one vector has no variance.
   *
   * Of factors: the two take low-rank vectors only (a dense one is refused: see factorize). No matrix of the tensor's size
   * is made but for the sum with the base. A tensor is m rows of n, r of δᵢ its number of singular values (those below
   * 1e-6 of the largest count as zero), V the number of vectors that change the tensor. All in float64; the factors of the
   * result are rounded to float32 and multiplied out as those of an adapter are.
   * - tsv_m (Task Singular Vectors merging, arXiv 2412.00081): δᵢ = UᵢΣᵢVᵢᵀ, cut to its first
   *   min(⌈`rankShare` · r⌉, max(1, ⌊min(m, n)/V⌋)) singular directions; for U = [U₁ … U_V] and V likewise the nearest
   *   orthonormal columns U⊥ = U(UᵀU)^(−½), by orthogonal Procrustes; b + λ·U⊥ · diag(w₁Σ₁, …) · V⊥ᵀ. A single vector acts
   *   as in task_arithmetic, and so do vectors whose singular directions are orthogonal. Directions that depend on each
   *   other share those that there are: a vector there twice, with weights w and w', acts once, with their mean.
   * - knots_ties (KnOTS, arXiv 2410.19735): [δ₁ … δ_V] = UΣ[V₁ᵀ … V_Vᵀ], and ties (with dᵢ, `election` and `normalize`; N is
   *   the number of entries of ΣVᵢᵀ, of which those below 1e-6 of the largest count as zero) over the ΣVᵢᵀ as over
   *   tensors: b + λ·U·merged. With the plain sum in the place of ties KnOTS would be task_arithmetic, since
   *   UΣ·ΣwᵢVᵢᵀ = Σwᵢδᵢ; so there is no knots_linear.
   *
   * Points: with m as below, the result is b + λ·(m − b), inner products over the whole tensor in float64.
   * - slerp (one vector; t = its weight, 0 … 1 lies between): from b to b + δ on the sphere,
   *   sin((1−t)θ)/sin θ · b + sin(tθ)/sin θ · (b + δ), but (1−t)·b + t·(b + δ) where |cos θ| > 0.9995 as in mergekit. That
   *   is nearly always the case between a model and its fine-tune.
   * - nuslerp (two vectors; only the ratio of their weights counts): b + the same between δ₁ and δ₂ with
   *   t = w₂/(w₁ + w₂), or 0.5 where |w₁ + w₂| < 1e-6; straight where |sin θ| < 1e-8. As mergekit with a base model and
   *   nuslerp_flatten.
   * - model_stock (arXiv 2403.19522; at least two vectors): b + t · mean of uᵢ = wᵢδᵢ, t = n·c / (1 + (n − 1)·c), c the
   *   mean cosine of the pairs of uᵢ (0 for zeros); t = 1 where one vector acts alone.
   * - karcher: the Karcher mean of the b + δᵢ on the unit sphere with shares wᵢ/Σw (wᵢ ≥ 0), ten steps at most, until
   *   shorter than 1e-5, times the mean of the norms. mergekit's with equal weights.
   */
  method: MergeMethod;
  /** May be empty: then the base is converted. Vectors of weight 0 are checked and otherwise ignored. */
  vectors: BakeVector[];
  /** Global scale λ; −1e6 … 1e6. Default 1. */
  lambda?: number;
  /**
   * Divide by the sum of weights (after an election: of those that were kept, 0 counting as 1; else of all, below 1e-8
   * counting as 1). Default: true for ties, knots_ties and della, false for the other sums; sce, tsv_m and points take none.
   */
  normalize?: boolean;
  /**
   * What a thinned-out δᵢ is divided by: 'density' (or true) the probability of being kept, which is dᵢ, or for della*
   * each entry's own pⱼ as DELLA was published; 'l1' the share Σ|kept| / Σ|all| of the tensor (mergekit since
   * February 2025); 'none' (or false) nothing. Default: 'density' for dare_* and della*, 'none' for the other sums; sce,
   * factors and points take no rescaling.
   */
  rescale?: 'none' | 'density' | 'l1' | boolean;
  /** breadcrumbs*: γ, the share of largest entries dropped, 0 … 1. Default 0.01. */
  gamma?: number;
  /** della*: ε, 0 … 0.5, with 0 < density − ε and density + ε < 1 for every vector. Default 0.15. */
  epsilon?: number;
  /** sce: share of the entries kept, (0, 1]. Default 1. */
  selectTopk?: number;
  /**
   * tsv_m: share of each vector's singular directions kept, (0, 1]. Default 1: as many as find room beside those of the
   * other vectors, as published.
   */
  rankShare?: number;
  /**
   * ties: what the threshold is taken over. 'tensor' (default): each tensor, as mergekit does. 'vector': all tensors of
   * the vector together, as TIES was first published; N counts the base's tensors that the vector leaves alone as zeros,
   * and those that `embeddings` and `outputHead` leave out not at all; ties in the base's order of tensors.
   */
  trim?: 'tensor' | 'vector';
  /**
   * ties, knots_ties, dare_ties, breadcrumbs_ties, della: how vectors agree. 'weighted' (default, mergekit): s = +1 where
   * Σ wᵢδᵢ ≥ 0, else −1; the wᵢδᵢ of that sign are summed and, if normalised, divided by the sum of their wᵢ.
   * 'unweighted' (TIES as first published, where all weights are 1): s = +1 where Σ sign(wᵢ)δᵢ ≥ 0, else −1; the wᵢδᵢ of
   * that sign are summed and, if normalised, divided by their number.
   */
  election?: 'weighted' | 'unweighted';
  /** Whether vectors act on embeddings (token_embd, position_embd, token_types, per_layer_token_embd). Default true. */
  embeddings?: boolean;
  /** Whether vectors act on output.weight and output.bias. Default true. Models without them use their embeddings. */
  outputHead?: boolean;
  /** Of the masks of dare_* and della*; 0 … 2⁶⁴ − 1. Default 0. */
  seed?: number | bigint;
  /** Added to the base's metadata, all of which is kept byte for byte except general.file_type. */
  metadata?: WrittenMetadata;
  /** 0 or left out: all CPUs. */
  threads?: number;
  /**
   * Where the vectors' changes are summed; the base, the last rounding and the writing are the CPU's work everywhere.
   * - 'cpu'
   * - a name from devices() of type 'gpu' or 'igpu': everything that it can do. What it cannot do, and everything after it
   *   fails, the CPU does, with a note 'device_fallback'.
   * - 'auto' (default): of the CPU and the first such device the faster one, measured on the first chunks of the job's own
   *   tensors and remembered until the process ends. Jobs of fewer than 33 million changed weights go to the CPU.
   *
   * On a device: task_arithmetic, ties, dare_linear, dare_ties, breadcrumbs, breadcrumbs_ties of dense vectors, with the same
   * bits as on the CPU (thresholds and random masks come from the CPU; numbers below 1.2e-38 may become 0). Low-rank vectors
   * in task_arithmetic and dare_linear, each product B·A within 2e-6 · Σ |bᵢₖ aₖⱼ| of the exact one: there a file made with
   * 'auto' may differ in last bits between machines. All else is the CPU's work. A device is tried on known numbers before
   * its first job in a process, and not used where it gives others.
   */
  device?: string;
  /** Entries computed at a time, a multiple of 4096; on a device the size of a chunk. No effect on the result. For tests and measurements. */
  stretch?: number;
}

/**
 * The mixes of types that llama.cpp's quantiser makes, by llama-quantize's names. Left out are those for ternary and
 * natively four-bit models.
 */
export type QuantizedType =
  | 'q6_k'
  | 'q5_k_m'
  | 'q5_k_s'
  | 'q5_1'
  | 'q5_0'
  | 'q4_k_m'
  | 'q4_k_s'
  | 'q4_1'
  | 'q4_0'
  | 'iq4_nl'
  | 'iq4_xs'
  | 'q3_k_l'
  | 'q3_k_m'
  | 'q3_k_s'
  | 'iq3_m'
  | 'iq3_s'
  | 'iq3_xs'
  | 'iq3_xxs'
  | 'q2_k'
  | 'q2_k_s'
  | 'iq2_m'
  | 'iq2_s'
  | 'iq2_xs'
  | 'iq2_xxs'
  | 'iq1_m'
  | 'iq1_s';

/** Something the user should know about a result. */
export interface BakeNote {
  code: /** The base is quantised. */
    | 'quantised_base'
    /** A matrix was stored as F16 because Q8_0 needs rows of a multiple of 32. */
    | 'f16_fallback'
    /** A tensor of a mix has rows that its type cannot hold; it is stored as llama.cpp's next best. */
    | 'type_fallback'
    /** An adapter carries a tensor that adapters pass over. */
    | 'ignored_tensor'
    /** Something that the device was asked for went to the CPU: the message says why. */
    | 'device_fallback';
  message: string;
  tensor?: string;
}

export interface BakeResult {
  /** Size of the file. */
  bytes: number;
  tensors: number;
  /** How many of them the vectors changed. */
  changed: number;
  /** From start to finished file. */
  seconds: number;
  /** Of which waiting for the disk to take everything, at the end. */
  flushSeconds: number;
  threads: number;
  /** 'cpu', or the name of the device that computed at least part of a tensor. */
  device: string;
  /** Why that one: a sentence for people. */
  deviceReason: string;
  /** How many tensors the device computed. */
  deviceTensors: number;
  /** With 'auto', where it came to a measurement. */
  measured?: { device: string; deviceWeightsPerSecond: number; cpuWeightsPerSecond: number };
  notes: BakeNote[];
}

/**
 * Mixes personality vectors into a model and writes the result. For a QuantizedType every tensor is mixed in float32 and
 * then quantised, so the file has the bytes that llama-quantize makes of the float32 result (of tensors that no vector
 * changes and that have the type already, the bytes they had). Uses some MiB of memory per thread and vector, one row
 * of a tensor per thread for della*, and the factors of one tensor for low-rank vectors; with a device at most 1 GiB on it
 * and as much beside it. The same call gives the same bytes.
 * @throws {NativeMergeError} mismatch, unsupported_type, not_finite, no_space, cancelled, invalid_argument, and what
 *   readGguf throws
 */
export function bake(options: BakeOptions, watch?: Watch): Promise<BakeResult>;

export interface FactorizeOptions {
  /** A dense personality vector. */
  vector: string;
  out: string;
  /** Type of the factors. Default 'f16'. */
  type?: 'f32' | 'f16' | 'bf16';
  /** At most this rank in every tensor. Default: 16 when `energy` is left out too, else no limit. */
  rank?: number;
  /** Per tensor, the smallest rank that keeps this share of ‖δ‖²_F; (0, 1]. */
  energy?: number;
  /**
   * Also factorise token_embd.weight. Default false: llama.cpp aborts the process (GGML_ASSERT in ggml_mul_mat) when an
   * adapter with that tensor meets a model without output.weight, whose output layer is its embedding. Only for models
   * that have an output.weight of their own.
   */
  embeddings?: boolean;
  /** Of the random start; 0 … 2⁶⁴ − 1. Default 0. */
  seed?: number | bigint;
  /** Added to the vector's own. */
  metadata?: WrittenMetadata;
  threads?: number;
  /**
   * Where matrices are multiplied while the random start is turned towards the largest singular directions:
   * - 'cpu';
   * - a name from devices() of type 'gpu' or 'igpu', as far as its memory allows and it does not fail;
   * - 'auto' (default): of the CPU and the first such device the faster one, measured on the first matrix of 2²⁰ entries or more.
   *   Smaller ones are the CPU's.
   * The first product is compared with the CPU's. The last product of the basis and the projection are the CPU's work, so
   * that a device's rounding (TF32 or F16 on some) costs no precision: what is kept differs by less than 1e-6 of the energy.
   */
  device?: string;
}

export interface FactoredLayer {
  tensor: string;
  /** 0: unchanged, or left out because an adapter cannot carry it: 1-D tensors, and token_embd.weight (see `embeddings`). */
  rank: number;
  /** Share of the tensor's ‖δ‖²_F that the adapter keeps; 0 … 1. */
  energy: number;
  /** The tensor's share of the whole vector's ‖φ‖². Over tensors of rank 0: what the adapter cannot express. */
  share: number;
}

export interface FactorizeResult {
  layers: FactoredLayer[];
  /** Share of the whole vector's ‖φ‖² that the adapter keeps. */
  energy: number;
  bytes: number;
  seconds: number;
  /** 'cpu', or the name of the device that multiplied at least one matrix. */
  device: string;
  /** Why: what was asked for, what was measured, or what a device could not do. */
  deviceReason: string;
  /** How many matrices the device multiplied. */
  deviceTensors: number;
}

/**
 * Turns a dense vector into a LoRA adapter in llama.cpp's format, δ ≈ B·A by truncated singular value decomposition:
 * randomised range finder with four power iterations and max(20, rank/4) more directions than asked (Halko, Martinsson &
 * Tropp 2011, arXiv 0909.4061). The residual is within 1 % of the best one; a matrix of the asked rank comes back up to
 * float32 rounding, singular values below 1e-6 of the largest being left out. With an energy the rank is found in steps of
 * four times as many directions from 32 on. The adapter has no alpha, so its scale is 1. Holds a matrix of up to 2²⁶
 * entries (256 MiB) in memory and streams a larger one. The same bytes for any number of threads; a device may give others.
 * @throws {NativeMergeError} mismatch (not a dense vector), not_finite, no_space, cancelled, invalid_argument, …
 */
export function factorize(options: FactorizeOptions, watch?: Watch): Promise<FactorizeResult>;

export interface ExpandOptions {
  /** A LoRA adapter in llama.cpp's format, or a vector made from one. */
  adapter: string;
  out: string;
  /** Type of the dense vector. Default 'f32'. */
  type?: 'f32' | 'f16' | 'bf16';
  /** Added to the adapter's own. */
  metadata?: WrittenMetadata;
  threads?: number;
}

export interface ExpandResult {
  tensors: number;
  bytes: number;
  seconds: number;
}

/**
 * Turns a LoRA adapter into the dense vector that it stands for, scale · B·A per tensor as bake computes it: baking
 * either one (F32) gives the same bytes. Keys 'adapter.*' are left out, general.type becomes 'personality-vector'.
 * @throws {NativeMergeError} mismatch (no adapter), not_finite, no_space, cancelled, invalid_argument, …
 */
export function expand(options: ExpandOptions, watch?: Watch): Promise<ExpandResult>;

/** Metadata with its type in the file, for files that are made from scratch. */
export type TypedMetadata =
  | [key: string, type: 'string', value: string]
  | [key: string, type: 'bool', value: boolean]
  | [key: string, type: 'uint32' | 'float32', value: number]
  | [key: string, type: 'strings', value: string[]]
  | [key: string, type: 'int32s', value: Int32Array]
  | [key: string, type: 'float32s', value: Float32Array];

type SourceType = 'f32' | 'f16' | 'bf16';

/** A tensor to write: `scale` · x + `shift` of numbers x that another file holds, or that are given. */
export type AssembledTensor = {
  name: string;
  /** Type to store it in. */
  type: SourceType;
  /** In ggml order: the row length first. */
  shape: number[];
  /**
   * The rows (of a one-dimensional tensor: the entries) belong to so many heads of an even number of rows each, and those
   * of a head come as two halves, to be stored by turns: row 2j + t of a head of d rows is row t · d/2 + j of the
   * source. That is how llama.cpp and transformers differ on rotary embeddings in Llama's family. Default 0: as they come.
   */
  heads?: number;
  /** Default 1. */
  scale?: number;
  /** Default 0. */
  shift?: number;
} & (
  | {
      path: string;
      sourceType: SourceType;
      /** Where the numbers begin, in bytes. */
      offset: number;
    }
  /** In row-major order; for what no file holds. */
  | { values: Float32Array }
);

export interface AssembleOptions {
  out: string;
  /** In this order; every key once. */
  metadata: TypedMetadata[];
  /** In this order; every name once. */
  tensors: AssembledTensor[];
  threads?: number;
}

export interface AssembleResult {
  bytes: number;
  seconds: number;
}

/**
 * Writes a GGUF file of numbers that lie in other files, such as safetensors. Types of equal range and precision keep
 * their bits; others are rounded once, to nearest even.
 * @throws {NativeMergeError} truncated (a tensor reaches beyond the end of its file), mismatch (heads and rows do not go
 * together, two tensors of one name), not_finite, io, no_space, cancelled, invalid_argument
 */
export function assemble(options: AssembleOptions, watch?: Watch): Promise<AssembleResult>;

export interface CompareOptions extends Watch {
  /** Of the sketch that estimates effective ranks of dense matrices; 0 … 2⁶⁴ − 1. Default 0. */
  seed?: number | bigint;
  /**
   * Whether to look at single entries: zeros, sparsity and agreement of signs. Default true. Without it these are null,
   * and the entries of a tensor that only low-rank vectors change are never multiplied out.
   */
  entrywise?: boolean;
  /** 0 or left out: all CPUs. */
  threads?: number;
}

/**
 * Vectors over one tensor, one layer or everything. Lists and matrices go by the order of the paths; matrices are
 * symmetric. A vector without a tensor that another one changes is zero there.
 */
export interface Comparison {
  /** Of the tensor; 'blk.3', or a tensor outside of the blocks; 'all'. */
  name: string;
  /** Entries of the tensors that any of the vectors changes. */
  entries: number;
  /** ‖φᵢ‖₂. */
  norms: number[];
  /** ‖φᵢ‖² here / ‖φᵢ‖² of the whole vector, 0 … 1. */
  shares: number[];
  /** Share of the entries that are exactly zero, 0 … 1. */
  zeros: (number | null)[];
  /**
   * Hoyer's sparsity (√N − ‖φ‖₁/‖φ‖₂) / (√N − 1) (Hoyer 2004): 0 where all entries are of one size, 1 where only one is
   * not zero; about 0.2 for many normally distributed entries. Small entries count as nearly zero, so it tells sparse
   * vectors apart where none of them has exact zeros. Null for zeros only.
   */
  sparsity: (number | null)[];
  /** ⟨φᵢ, φⱼ⟩ / (‖φᵢ‖·‖φⱼ‖), −1 … 1; null where one of them is zero. */
  cosines: (number | null)[][];
  /** Of the entries where neither is zero, the share with the same sign; 0.5 is chance. Null where there are none. */
  agreements: (number | null)[][];
  /**
   * ‖(φᵢ + φⱼ)/2‖² / (‖(φᵢ + φⱼ)/2‖² + ‖(φᵢ − φⱼ)/2‖²) = ½ + ⟨φᵢ, φⱼ⟩ / (‖φᵢ‖² + ‖φⱼ‖²), 0 … 1: how much of two vectors is
   * what they have in common and not what sets them apart. For the two poles of a trait: 0 where they are opposites, ½
   * where they are orthogonal, 1 where they are the same. Null where both are zero.
   */
  common: (number | null)[][];
}

export interface EffectiveRank {
  /** Participation ratio (Σσ²)² / Σσ⁴ of the singular values; from 1 to the smaller dimension. */
  value: number;
  /** Standard error of the estimate; 0 where the value is exact. */
  error: number;
}

export interface ComparedTensor extends Comparison {
  shape: number[];
  /**
   * Of each vector's change to this tensor, rows of shape[0]; null where it makes none. Exact for low-rank vectors, for
   * 1-D tensors and for rows of up to 64 entries. Else from M·S with 64 columns of random signs: with G = (M·S)ᵀ(M·S),
   * the mean of GᵢᵢGⱼⱼ over the mean of Gᵢⱼ² for i ≠ j, whose expectations are (Σσ²)² and Σσ⁴ (Kong & Valiant 2017,
   * arXiv 1602.00061); standard error by the jackknife over the columns. A matrix of rank 1 gives exactly 1.
   */
  effectiveRanks: (EffectiveRank | null)[];
}

export interface CompareResult {
  /** In the order of the paths. effectiveRank: mean over the matrices, weighted by their ‖φ‖²; null without any. */
  vectors: { path: string; kind: 'dense' | 'low_rank'; effectiveRank: EffectiveRank | null }[];
  all: Comparison;
  /** Embeddings, blocks in order, output. */
  layers: Comparison[];
  tensors: ComparedTensor[];
  seconds: number;
}

/**
 * Looks inside vectors of one model, dense and low-rank ones together: one pass over the files, some MiB of memory per
 * thread and vector and the low-rank factors of one tensor. Inner products are sums in float64, those of two low-rank
 * vectors from their factors, ⟨B₁A₁, B₂A₂⟩ = Σ (B₁ᵀB₂)∘(A₁A₂ᵀ). The result is the same for any number of threads.
 * @throws {NativeMergeError} mismatch (no vectors; other architectures or shapes), not_finite, cancelled,
 *   invalid_argument, and what readGguf throws
 */
export function compare(paths: string[], options?: CompareOptions): Promise<CompareResult>;

/**
 * Removes from a folder what writers that were killed have left there; files that are being written stay. Writing into
 * a folder does so too. Returns how many files went; 0 for a folder that cannot be read.
 */
export function removePartialFiles(folder: string): number;

export interface Device {
  /** ggml's short name: 'CPU', 'CUDA0', 'Vulkan0', 'Metal'. */
  name: string;
  /** The hardware's name. */
  description: string;
  type: 'cpu' | 'gpu' | 'igpu' | 'accel';
  /** Bytes. */
  memoryTotal: number;
  memoryFree: number;
}

/**
 * What ggml can compute on here. Loads the backends on the first call; those whose drivers are missing are left out.
 * @throws {NativeMergeError} io when ggml itself is missing
 */
export function devices(): Device[];
