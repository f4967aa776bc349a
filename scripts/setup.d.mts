/** Types of setup.mjs, which must stay plain JavaScript. */
export declare const root: string;
export declare class SetupError extends Error {
  readonly action: string | undefined;
  constructor(message: string, action?: string);
}
export declare function say(line: string): void;
export declare function explain(error: unknown): Promise<string>;
export declare function fail(error: unknown): Promise<never>;
export declare function isRecentNode(version: string): boolean;
export declare function node24(): string;
interface Lockfile {
  packages?: Record<string, { version?: string; integrity?: string; optional?: boolean }>;
}
export declare function isInstalled(wanted: Lockfile, installed: Lockfile): boolean;
export declare function explainNpmFailure(output: string): SetupError;
export declare function ensureDependencies(): Promise<void>;
export declare function setUp(script: string): Promise<void>;
