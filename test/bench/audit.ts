/** `audit` over 500 containers with the rules that Docker writes for them, without and with packets. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openLab } from '../lab/lab.ts';
import { line, median, timed } from './figures.ts';
import { addressOf, playDocker } from '../lab/played-docker.ts';

const CONTAINERS = 500;
const ROUNDS = 5;

export async function benchAudit(): Promise<void> {
  const lab = await openLab();
  try {
    const socket = join(lab.folder, 'played.sock');
    const played = await playDocker(socket, CONTAINERS, { hostAddress: '0.0.0.0', bridged: true });
    const settings = join(lab.folder, 'portcullis.yaml');
    await writeFile(settings, `firewall: { state_dir: ${lab.folder}/state }\n`);
    await lab.host.ok(['ip', 'link', 'add', 'docker0', 'type', 'bridge']);
    await lab.host.ok(['ip', 'addr', 'add', '172.17.0.1/16', 'dev', 'docker0']);
    await lab.host.ok(['ip', 'link', 'set', 'docker0', 'up']);
    await lab.host.ok(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    await lab.host.ok(['iptables-restore'], { stdin: rulesOfDocker() });
    const audit = (...flags: readonly string[]) =>
      lab.portcullis(['--config', settings, '--docker', played.url, 'audit', '--json', ...flags]);
    const { findings } = JSON.parse((await audit()).stdout);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) times.push(await timed(() => audit()));
    line(
      `audit, ${CONTAINERS} containers, ${findings.length} paths, ${2 * CONTAINERS} rules (median of ${ROUNDS})`,
      `${(median(times) / 1_000).toFixed(2)} s`,
    );
    const probing = await timed(() => audit('--probe'));
    line(`audit --probe, the same, nothing answers`, `${(probing / 1_000).toFixed(2)} s`);
    await played.close();
  } finally {
    await lab.close();
  }
}

/** As 20.10 writes them. */
function rulesOfDocker(): string {
  const ports = Array.from({ length: CONTAINERS }, (_, index) => 10_000 + index);
  const dnat = ports.map(
    (port) =>
      `-A DOCKER ! -i docker0 -p tcp -m tcp --dport ${port} -j DNAT --to-destination ${addressOf(port)}:80`,
  );
  const open = ports.map(
    (port) =>
      `-A DOCKER -d ${addressOf(port)}/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT`,
  );
  return [
    '*nat',
    ':DOCKER - [0:0]',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    '-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
    ...dnat,
    'COMMIT',
    '*filter',
    ':FORWARD DROP [0:0]',
    ':DOCKER - [0:0]',
    '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A FORWARD -o docker0 -j DOCKER',
    '-A FORWARD -i docker0 -j ACCEPT',
    ...open,
    'COMMIT',
    '',
  ].join('\n');
}
