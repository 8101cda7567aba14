/** `generate` over 100 containers of a real engine, against an empty node and the list call alone. */
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { openLab } from '../lab/lab.ts';
import { line, median, ms, timed } from './figures.ts';
import { playDocker } from '../lab/played-docker.ts';

const CONTAINERS = 100;
const ROUNDS = 15;

export async function benchOneShot(): Promise<void> {
  const lab = await openLab();
  try {
    const played = await playDocker(join(lab.folder, 'played.sock'), CONTAINERS);
    const nginx = await lab.startNginx();
    const settings = join(lab.folder, 'portcullis.yaml');
    await writeFile(
      settings,
      `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }\nfirewall: { mode: "off" }\n`,
    );
    const empty = join(lab.folder, 'empty.mjs');
    await writeFile(empty, '');
    const options = ['--config', settings, '--docker', played.url];
    await lab.portcullis([...options, 'init', '--yes']);
    await lab.portcullis([...options, 'generate']);
    played.calls.clear();

    const times = {
      empty: [] as number[],
      list: [] as number[],
      dry: [] as number[],
      generate: [] as number[],
    };
    for (let round = 0; round < ROUNDS; round++) {
      times.empty.push(await timed(() => lab.host.run([process.execPath, empty])));
      times.list.push(await timed(() => listCall(join(lab.folder, 'played.sock'))));
      times.dry.push(await timed(() => lab.portcullis([...options, 'generate', '--dry-run'])));
      times.generate.push(await timed(() => lab.portcullis([...options, 'generate'])));
    }
    const floor = median(times.empty) + median(times.list);
    line(`empty node process (median of ${ROUNDS})`, ms(median(times.empty)));
    line(`list call, ${CONTAINERS} containers (played Engine API)`, ms(median(times.list)));
    line(
      'generate --dry-run: everything but Nginx',
      `${ms(median(times.dry))} = ${(median(times.dry) / floor).toFixed(2)} x (empty node + list)`,
    );
    line(
      'generate, nothing changed',
      `${ms(median(times.generate))} = ${(median(times.generate) / floor).toFixed(2)} x (empty node + list)`,
    );
    played.calls.clear();
    await lab.portcullis([...options, 'generate']);
    const calls = [...played.calls].map(([path, count]) => `${count} x GET ${path}`);
    line('Engine API calls of one run', calls.join(', '));
    await played.close();
  } finally {
    await lab.close();
  }
}

const listCall = (socketPath: string): Promise<void> =>
  new Promise((resolve, reject) => {
    request({ socketPath, path: '/containers/json' }, (response) => {
      response.resume().on('end', () => resolve());
    })
      .on('error', reject)
      .end();
  });
