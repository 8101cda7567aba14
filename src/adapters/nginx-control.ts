/** One running Nginx: its program, its judgement of a configuration, its master process. */
import type { NginxBuild } from '../core/nginx-build.ts';
import type { Workers } from './nginx-workers.ts';
import type { RunResult } from './run.ts';

export type Nginx = {
  /** What its program is. @throws {PortcullisError} `nginx-missing` */
  build(): Promise<NginxBuild>;
  /** `nginx -t` of a main configuration. @throws {PortcullisError} `nginx-missing` */
  test(configPath: string, timeoutMs: number): Promise<RunResult>;
  /** @throws {PortcullisError} `nginx-not-running`, with what to do */
  requireRunning(): Promise<void>;
  /** @throws {PortcullisError} `nginx-not-running` or `nginx-reload-failed` */
  reload(): Promise<Reload>;
  /** Nobody where Nginx does not run, or the system does not tell. */
  workers(): Promise<Workers>;
};

export type Reload = {
  /** While a worker from before the reload still accepts, an answer of the old generation may come. */
  oldWorkersAccept(): Promise<boolean>;
  /** There were workers before, and there is none now: new ones end as soon as they begin. */
  nobodyAccepts(): Promise<boolean>;
};
