/** The browser host: the studio on loopback for one browser that holds the token. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  closeOnSignals,
  dataFolder,
  describeError,
  isMain,
  rendererFolder,
  resourcesFolder,
} from './host.ts';
import { StudioError } from './studio/errors.ts';
import { createStudio } from './studio/studio.ts';
import { exposureWarning, startWebServer } from './web/server.ts';
import { forkWorker } from './workers/fork.ts';

export interface ServeOptions {
  /** Default: 4747, or a free port when that is busy. */
  port?: number;
  /** Default: 127.0.0.1. */
  host?: string;
}

/** Serves the studio; `close` ends it with everything it started. Throws a StudioError when it cannot start. */
export async function serve(options: ServeOptions = {}): Promise<{ url: string; close(): Promise<void> }> {
  if (!existsSync(join(rendererFolder, 'index.html')))
    throw new StudioError('not_found', 'The page has not been built yet.', {
      action: 'Run "npm run build".',
    });
  const server = await startWebServer({ ...options, renderer: rendererFolder });
  try {
    const studio = await createStudio({
      home: dataFolder(),
      resources: resourcesFolder,
      host: 'browser',
      spawnWorker: forkWorker,
    });
    server.connect(studio.router, studio.receive);
    return {
      url: server.url,
      close: async () => {
        await server.close();
        await studio.close();
      },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Serves, says where, and stays until a signal ends it. */
export async function serveUntilSignal({
  open = false,
  ...options
}: ServeOptions & { open?: boolean } = {}): Promise<void> {
  const warning = options.host === undefined ? undefined : exposureWarning(options.host);
  if (warning) console.error(warning);
  const { url, close } = await serve(options);
  closeOnSignals(close);
  console.log(`Temperament is ready: ${url}`);
  if (open) {
    const { default: openInBrowser } = await import('open');
    // Without a browser the printed address is enough.
    await openInBrowser(url).then(
      child => child.on('error', () => {}),
      () => {},
    );
  }
}

/** The options of `npm start` and `serve.ts` on the command line. Throws a StudioError when they make no sense. */
export function parseServeArguments(args: string[]): ServeOptions & { browser: boolean; noOpen: boolean } {
  const { port, host, browser, 'no-open': noOpen } = parse(args);
  // Number('') would be 0.
  const number = port === undefined ? undefined : Number(port || Number.NaN);
  if (number !== undefined && !(Number.isInteger(number) && number >= 0 && number <= 65535))
    throw new StudioError('bad_input', `--port takes a number from 0 to 65535, not "${port}".`, {
      field: 'port',
    });
  return { port: number, host, browser, noOpen };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        browser: { type: 'boolean', default: false },
        'no-open': { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new StudioError('bad_input', (error as Error).message, {
      action: 'The options are --port N, --host ADDRESS, --browser and --no-open.',
      cause: error,
    });
  }
}

if (isMain(import.meta.url)) {
  try {
    const { port, host } = parseServeArguments(process.argv.slice(2));
    await serveUntilSignal({ port, host });
  } catch (error) {
    console.error(describeError(error));
    process.exit(1);
  }
}
