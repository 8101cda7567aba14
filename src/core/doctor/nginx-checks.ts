import type { TestResult } from '../nginx-test-output.ts';
import type { Settings } from '../settings-schema.ts';
import { notChecked, ok, problem, type Check, type Fact } from './check.ts';

export type NginxFolder = {
  readonly exists: boolean;
  readonly writable: boolean;
  /** False: a part of it is mounted from elsewhere, so that no rename can switch it. */
  readonly oneFileSystem: boolean;
};

export type NginxCheckFacts = {
  readonly version: Fact<string>;
  readonly included: Fact<boolean>;
  readonly test: Fact<TestResult>;
  readonly running: Fact<true>;
  readonly folder: Fact<NginxFolder>;
  readonly workers: Fact<{
    readonly accepting: number;
    readonly old: number;
    /** `worker_shutdown_timeout`, where it is set. */
    readonly timeout: string | undefined;
  }>;
};

type Place = Pick<Settings['nginx'], 'dir' | 'config' | 'control' | 'binary'>;

export function nginxChecks(facts: NginxCheckFacts, nginx: Place): readonly Check[] {
  return [
    found(facts, nginx),
    included(facts, nginx),
    configuration(facts, nginx),
    running(facts, nginx),
    folder(facts, nginx),
    ...oldWorkers(facts, nginx),
  ];
}

const containerOf = ({ control }: Place): string | undefined =>
  /^container:(.+)$/.exec(control)?.[1];

function found({ version }: NginxCheckFacts, nginx: Place): Check {
  if (version.known) return ok('nginx', `${nginx.binary} ${version.value} (${nginx.control})`);
  const container = containerOf(nginx);
  if (container !== undefined) return problem('nginx', version.why, `docker start ${container}`);
  const fix =
    nginx.binary === 'nginx'
      ? 'apt-get install nginx'
      : `set nginx.binary, now ${nginx.binary}, to where Nginx lies`;
  return problem('nginx', version.why, fix);
}

function included(facts: NginxCheckFacts, nginx: Place): Check {
  const name = 'nginx include';
  const fact = facts.included;
  if (!fact.known) return notChecked(name, fact.why);
  if (fact.value) return ok(name, `${nginx.config} reads ${nginx.dir}/portcullis.conf`);
  return problem(
    name,
    `${nginx.config} does not read ${nginx.dir}/portcullis.conf`,
    containerOf(nginx) === undefined
      ? 'portcullis init'
      : `put "include ${nginx.dir}/*.conf;" in its http block, and mount ${nginx.dir} there`,
  );
}

function configuration({ test, version }: NginxCheckFacts, nginx: Place): Check {
  const name = 'nginx configuration';
  if (!version.known) return notChecked(name, 'there is no Nginx to ask');
  const container = containerOf(nginx);
  const inside = container === undefined ? '' : `docker exec ${container} `;
  const fix = `${inside}${nginx.binary} -t -c ${nginx.config}, and correct the line it names`;
  if (!test.known) return problem(name, test.why, fix);
  if (test.value.ok) return ok(name, 'passes nginx -t');
  return problem(name, `Nginx refuses it: ${test.value.reason}`, fix);
}

function running(facts: NginxCheckFacts, nginx: Place): Check {
  const name = 'nginx running';
  if (!facts.version.known) return notChecked(name, 'there is no Nginx');
  if (facts.running.known) return ok(name, 'its master runs and can be told to reload');
  const container = containerOf(nginx);
  const fix = container === undefined ? 'systemctl start nginx' : `docker start ${container}`;
  return problem(name, facts.running.why, fix);
}

function folder(facts: NginxCheckFacts, { dir }: Place): Check {
  const name = 'nginx.dir';
  if (!facts.folder.known) return notChecked(name, facts.folder.why);
  const { exists, writable, oneFileSystem } = facts.folder.value;
  if (!writable) return problem(name, `${dir} cannot be written`, 'sudo portcullis doctor');
  if (!exists) return ok(name, `${dir} is not there yet and can be made`);
  if (oneFileSystem) return ok(name, `${dir} can be written`);
  return problem(
    name,
    `${dir} has a part on another file system: nothing can be switched at once`,
    `findmnt -R ${dir}, and unmount what lies below it`,
  );
}

/** Each reload leaves the workers that still hold a connection, as a WebSocket: a few are no problem. */
function oldWorkers({ workers }: NginxCheckFacts, { config }: Place): readonly Check[] {
  if (!workers.known) return [];
  const { accepting, old, timeout } = workers.value;
  const name = 'nginx old workers';
  if (old === 0) return [ok(name, 'none holds connections still')];
  const count = `${old} still hold${old === 1 ? 's' : ''} connections`;
  if (timeout !== undefined) return [ok(name, `${count}, for ${timeout} at most`)];
  if (old <= accepting) return [ok(name, count)];
  return [problem(name, count, `put "worker_shutdown_timeout 10m;" at the top of ${config}`)];
}
