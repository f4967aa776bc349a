/**
 * The typed client of the contract, over a MessagePort in the desktop host and over a WebSocket elsewhere. Nothing
 * else in the renderer knows which.
 */
import { type ClientLink, createORPCClient } from '@orpc/client';
import { RPCLink as PortLink } from '@orpc/client/message-port';
import { RPCLink as SocketLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import type { contract } from '../electron/studio/contract.ts';

export type Client = ContractRouterClient<typeof contract>;

/** `lost`: it was or never became open, and is being tried again. `closed`: for good. */
export type ConnectionState = 'connecting' | 'open' | 'lost' | 'closed';

export interface Connection {
  readonly client: Client;
  readonly state: ConnectionState;
  /** Calls back on every change, and returns the way to stop that. */
  onState(listener: (state: ConnectionState) => void): () => void;
}

/** A call that could not be made, or whose answer will not come, because the studio is not connected. */
export class NotConnectedError extends Error {
  constructor() {
    super('The page is not connected to the studio.');
    this.name = 'NotConnectedError';
  }
}

/** Milliseconds before the first and the slowest attempts at a new connection. */
const RETRY_FIRST = 400;
const RETRY_MOST = 4000;

type Link = ClientLink<Record<never, never>>;

class States {
  state: ConnectionState = 'connecting';
  readonly #listeners = new Set<(state: ConnectionState) => void>();

  set(state: ConnectionState) {
    if (state === this.state) return;
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }

  on(listener: (state: ConnectionState) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

export function connect(): Connection {
  const states = new States();
  const current = location.protocol === 'temperament:' ? connectPort(states) : connectSocket(states);
  const link: Link = {
    call: (path, input, options) => {
      const now = current();
      return now ? now.call(path, input, options) : Promise.reject(new NotConnectedError());
    },
  };
  return {
    client: createORPCClient<Client>(link),
    get state() {
      return states.state;
    },
    onState: listener => states.on(listener),
  };
}

/** Hands one end of a channel to the preload script, which passes it on to the main process. */
function connectPort(states: States): () => Link | null {
  const { port1, port2 } = new MessageChannel();
  const link: Link = new PortLink({ port: port1 });
  port1.addEventListener('close', () => states.set('closed'));
  port1.start();
  window.postMessage({ type: 'temperament:connect' }, '*', [port2]);
  states.set('open');
  return () => (states.state === 'open' ? link : null);
}

function connectSocket(states: States): () => Link | null {
  const url = new URL('/rpc', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  let link: Link | null = null;
  let failures = 0;

  const open = () => {
    const websocket = new WebSocket(url);
    websocket.binaryType = 'arraybuffer';
    link = new SocketLink({ websocket });
    websocket.addEventListener('open', () => {
      failures = 0;
      states.set('open');
    });
    websocket.addEventListener('close', () => {
      link = null;
      states.set('lost');
      setTimeout(open, Math.min(RETRY_MOST, RETRY_FIRST * 2 ** failures++));
    });
  };
  open();
  return () => link;
}
