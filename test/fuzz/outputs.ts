/** What is printed about hostile names: each format reads back, line by line, and no terminal obeys it. */
import assert from 'node:assert/strict';
import { labelSteps } from '../../src/core/explain/explain-text.ts';
import { reportLines } from '../../src/core/doctor/report.ts';
import type { Finding } from '../../src/core/exposure/exposure.ts';
import { prometheus } from '../../src/core/exposure/prometheus.ts';
import { sarif } from '../../src/core/exposure/sarif.ts';
import { auditTable, wrapped } from '../../src/core/exposure/table.ts';
import type { Container } from '../../src/core/model.ts';
import { statusLines, type Status } from '../../src/core/status.ts';
import { UNSAFE } from './texts.ts';

/** @param said of others, as Nginx's or another firewall's words */
export function checkOutputs(containers: readonly Container[], said: string): void {
  const findings = containers.map((container) => findingOf(container, said));
  const lines = [
    ...auditTable({
      findings,
      disagreements: findings.map((each) => ({ ...each, said: 'passes', met: 'silent' })),
      host_findings: [
        { what: 'bridge-member', name: said, verdict: 'open', reason: said, fix: said },
      ],
      notes: [said],
    }),
    ...reportLines([{ name: 'docker', state: 'problem', what: said, fix: said }], false),
    ...statusLines(statusSaying(said)),
    ...containers.flatMap((container) =>
      labelSteps(container, 'portcullis').flatMap(({ text }) => wrapped(text)),
    ),
  ];
  for (const line of lines) assert.doesNotMatch(line, UNSAFE);
  checkSarif(findings);
  checkPrometheus(findings);
}

const findingOf = ({ name }: Container, said: string): Finding => ({
  ...{ container: name, port: 80, protocol: 'tcp', bind: '0.0.0.0:80', path: 'published-v4' },
  ...{ verdict: 'open', proven: false, certain: true, reason: said, fix: said },
});

const statusSaying = (said: string): Status => ({
  ...{ version: '1', since: '', docker: { connected: false, version: said, flapping: [said] } },
  nginx: {
    ...{ version: said, generation: null, last_reload: null, last_error: said },
    ...{ old_workers: 0, drift: [said] },
  },
  firewall: { mode: 'enforce', backend: null, enforced: false, repairs: 0 },
  routes: { live: 0, rejected: 0, quarantined: 0 },
  events: { seen: 0, reconciles: 0, reloads: 0 },
});

function checkSarif(findings: readonly Finding[]): void {
  const { runs } = JSON.parse(JSON.stringify(sarif(findings, '1')));
  const names = runs[0].results.map(
    ({ locations }: { locations: readonly { logicalLocations: readonly { name: string }[] }[] }) =>
      locations[0]?.logicalLocations[0]?.name,
  );
  assert.deepEqual(
    names,
    findings.map(({ container }) => container),
  );
}

/** Prometheus, "Exposition formats": in a label's value only \\, \" and \n are escapes. */
const SAMPLE = /^[a-z_]+(?:\{([a-z]+="(?:[^"\\\n]|\\[\\"n])*"(?:,|(?=\})))*\})? [\d.]+$/;
const LABEL = /container="((?:[^"\\]|\\.)*)"/;

function checkPrometheus(findings: readonly Finding[]): void {
  const text = prometheus(findings, { enforced: false, disagreements: 0, now: 1 });
  const lines = text.split('\n').filter((line) => line !== '');
  for (const line of lines) if (!line.startsWith('# ')) assert.match(line, SAMPLE);
  const found = lines.flatMap((line) => {
    const value = LABEL.exec(line)?.[1];
    return value === undefined
      ? []
      : [value.replaceAll(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c))];
  });
  const wanted = new Set(findings.map(({ container }) => container));
  assert.deepEqual(found.toSorted(), [...wanted].toSorted());
  const comments = lines.filter((line) => line.startsWith('# ')).length;
  assert.equal(comments, 10);
}
