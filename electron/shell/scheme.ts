/** The page's own scheme, temperament://studio/: serves the built files and nothing else of the disk. */
import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { protocol } from 'electron';
import { contentSecurityPolicy } from '../host.ts';

const SCHEME = 'temperament';
const HOST = 'studio';
export const STUDIO_URL = `${SCHEME}://${HOST}/`;

const MIME: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** True for addresses of our own page. */
export function isStudioUrl(address: string): boolean {
  const url = URL.parse(address);
  return url?.protocol === `${SCHEME}:` && url.host === HOST;
}

/** Must run before the application is ready: makes the scheme an origin of its own, like https. */
export function setupScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ]);
}

export function setupPage(folder: string): void {
  protocol.handle(SCHEME, request => respond(request, folder));
}

async function respond(request: Request, folder: string): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405);
  const path = isStudioUrl(request.url) ? fileFor(new URL(request.url).pathname, folder) : undefined;
  if (path === undefined) return answer(404);
  try {
    return answer(200, await readFile(path), MIME[extname(path)]);
  } catch {
    return answer(404);
  }
}

/** The file a path of the page means; undefined when it would lie outside the folder. */
function fileFor(pathname: string, folder: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  if (decoded.includes('\0')) return undefined;
  const root = normalize(folder);
  const path = join(root, decoded === '/' ? 'index.html' : decoded);
  return path.startsWith(root.endsWith(sep) ? root : root + sep) ? path : undefined;
}

function answer(status: number, body: Buffer | null = null, type = 'application/octet-stream'): Response {
  return new Response(body as Uint8Array<ArrayBuffer> | null, {
    status,
    headers: {
      'content-security-policy': contentSecurityPolicy(),
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
      ...(body && { 'content-type': type }),
    },
  });
}
