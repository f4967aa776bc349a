/**
 * Builds llama-server for the tests, from the sources in node-llama-cpp's git bundle: the server's own files, against the
 * libraries of llama.cpp that the package ships. Kept in the user's cache, so that it is built once.
 */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { join } from 'node:path';
import { llamaRelease, packageFile, run, unpackLlama } from './build-native.ts';

/** Counts up when what is built here changes. */
const BUILD = 1;

/** What of llama.cpp is compiled, or included by it. */
const SOURCES = [
  'common',
  'ggml/include',
  'include',
  'src',
  'tools/mtmd',
  'tools/server',
  'vendor',
  'LICENSE',
];
const INCLUDES = [
  'common',
  'include',
  'ggml/include',
  'vendor',
  'vendor/hash',
  'tools/mtmd',
  'tools/server',
  '.',
  'ui',
];
/** As vendor/cpp-httplib/CMakeLists.txt has them. */
const DEFINITIONS = [
  'CPPHTTPLIB_FORM_URL_ENCODED_PAYLOAD_MAX_LENGTH=1048576',
  'CPPHTTPLIB_LISTEN_BACKLOG=512',
  'CPPHTTPLIB_REQUEST_URI_MAX_LENGTH=32768',
  'CPPHTTPLIB_TCP_NODELAY=1',
];

/** In place of the header that llama.cpp generates with the files of its web page: there are none. */
const NO_PAGE = `#pragma once
#include <array>
#include <string>
struct llama_ui_asset { std::string name; const unsigned char * data; std::size_t size; std::string etag; std::string type; };
inline const llama_ui_asset * llama_ui_find_asset(const std::string &) { return nullptr; }
inline bool llama_ui_use_gzip() { return false; }
inline std::array<llama_ui_asset, 0> llama_ui_get_assets() { return {}; }
`;

export interface LlamaServer {
  program: string;
  /** Folder of the libraries that it needs: to be its LD_LIBRARY_PATH, and its working folder, where it looks for backends. */
  libraries: string;
}

/** The server, built when it is not there yet; undefined on systems that it is not built on. */
export async function buildLlamaServer(): Promise<LlamaServer | undefined> {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return undefined;
  const libraries = packageFile(`@node-llama-cpp/${platform}`, 'bins', platform);
  const stamp = createHash('sha256')
    .update(`${platform} ${llamaRelease()} ${BUILD}`)
    .digest('hex')
    .slice(0, 16);
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const program = join(cache, 'temperament', `llama-server-${stamp}`);
  if (existsSync(program)) return { program, libraries };
  console.error('Building llama-server for the tests (once, a few minutes) …');
  const folder = `${program}.${process.pid}`;
  try {
    await unpackLlama(folder, SOURCES, 'unpack the sources of llama-server');
    await compile(folder, libraries);
    renameSync(join(folder, 'llama-server'), program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { program, libraries };
}

/** Object by object, as many at a time as there are processors. Unoptimised: all that computes is in the libraries. */
async function compile(folder: string, libraries: string): Promise<void> {
  mkdirSync(join(folder, 'ui'));
  writeFileSync(join(folder, 'ui', 'ui.h'), NO_PAGE);
  mkdirSync(join(folder, 'objects'));
  const inFolder = (path: string) =>
    readdirSync(join(folder, path))
      .filter(name => /\.cpp$/.test(name) && !/^(mtmd-cli|deprecation-warning)/.test(name))
      .map(name => `${path}/${name}`);
  const sources = [
    // The longest first.
    ...inFolder('vendor/cpp-httplib'),
    ...inFolder('tools/server'),
    ...inFolder('tools/mtmd'),
    ...inFolder('tools/mtmd/models'),
    ...inFolder('vendor/hash'),
    ...['sha1/sha1.c', 'sha256/sha256.c', 'xxhash/xxhash.c'].map(name => `vendor/hash/${name}`),
  ];
  const objects = sources.map(source => `objects/${source.replaceAll('/', '-')}.o`);
  const flags = [...INCLUDES.map(path => `-I${path}`), ...DEFINITIONS.map(name => `-D${name}`)];
  const doing = 'compile llama-server';
  const waiting = [...sources.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, source] = next;
      // sha1.c is in a namespace: C++ whatever its name.
      const [compiler, language] =
        source.endsWith('.c') && !source.endsWith('/sha1.c')
          ? ['gcc', []]
          : ['g++', ['-std=c++17', '-x', 'c++']];
      await run(
        compiler,
        ['-O0', '-w', ...flags, ...language, '-c', source, '-o', objects[index] as string],
        doing,
        folder,
      );
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  const shared = readdirSync(libraries).filter(name =>
    /^lib(llama|ggml)(-common|-base)?(\.v[\d.]+)?\.so$/.test(name),
  );
  const link = [`-L${libraries}`, ...shared.map(name => `-l:${name}`), '-lpthread', '-ldl'];
  await run('g++', [...objects, '-o', 'llama-server', ...link], 'link llama-server', folder);
}
