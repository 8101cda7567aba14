/** What the application needs of Nginx, wherever it runs. */
import type { HandWritten } from '../core/routes.ts';

/** What the user's own configuration, without ours, says. */
export type NginxFacts = {
  /** Does its http block read our entry file? */
  readonly included: boolean;
  readonly handWritten: ReadonlyMap<string, HandWritten>;
  readonly userDirectives: ReadonlySet<string>;
  /** `80`, `[::]:80`: listens with a default server of the user's. */
  readonly userDefaults: ReadonlySet<string>;
};

export type TestResult =
  | { readonly ok: true; readonly warnings: readonly string[] }
  | {
      readonly ok: false;
      /** Nginx's own words. */
      readonly output: string;
      readonly reason: string;
      readonly file?: string;
      readonly line?: number;
    };

export type NginxHost = {
  readonly version: string;
  /** Reads the user's configuration, again only when it changed. */
  facts(): Promise<NginxFacts>;
  /** `nginx -t` of the user's main configuration with `indexPath` in place of the live index. */
  test(indexPath: string): Promise<TestResult>;
  /** @throws {PortcullisError} `nginx-not-running` with what to do */
  requireRunning(): Promise<void>;
  reload(): Promise<void>;
  /** Id of the generation the workers serve now; undefined when none answers. */
  served(): Promise<string | undefined>;
  /** Waits until new workers serve generation `id`. @throws {PortcullisError} `nginx-reload-failed` */
  confirm(id: string): Promise<void>;
};
