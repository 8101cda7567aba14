/** What the program needs of Nginx, wherever it runs: the seam between deciding and doing. */
import type { TestResult } from './nginx-test-output.ts';
import type { HandWritten } from './routes.ts';

/** What the user's own configuration, without ours, says. */
export type NginxFacts = {
  /** Does its http block read our entry file? */
  readonly included: boolean;
  readonly handWritten: ReadonlyMap<string, HandWritten>;
  readonly userDirectives: ReadonlySet<string>;
  /** `80`, `[::]:80`: listens with a default server of the user's. */
  readonly userDefaults: ReadonlyMap<string, HandWritten>;
  /** `worker_shutdown_timeout`; undefined where it is not set. */
  readonly shutdownTimeout: string | undefined;
};

export type NginxHost = {
  /** As `1.22.1`. @throws {PortcullisError} `nginx-missing` */
  version(): Promise<string>;
  /** Is this module built in or loadable? As `http_v2`. */
  hasModule(name: string): Promise<boolean>;
  /** Reads the user's configuration, again only when it changed. */
  facts(): Promise<NginxFacts>;
  /** `nginx -t` of the user's main configuration with `indexPath` in place of the live index. */
  test(indexPath: string): Promise<TestResult>;
  /** `nginx -t` of the user's main configuration as it is. */
  testLive(): Promise<TestResult>;
  /** @throws {PortcullisError} `nginx-not-running` with what to do */
  requireRunning(): Promise<void>;
  reload(): Promise<void>;
  /** How many workers accept, and how many of earlier reloads still hold connections; zeros where that is not told. */
  workers(): Promise<{ readonly accepting: number; readonly old: number }>;
  /** Id of the generation the workers serve now; undefined when none answers. */
  served(): Promise<string | undefined>;
  /** Waits until new workers serve generation `id`. @throws {PortcullisError} `nginx-reload-failed` */
  confirm(id: string): Promise<void>;
};
