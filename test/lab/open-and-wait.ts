/** Opens a lab with a running container, prints its folder and waits to be ended: for the lab's own test. */
import { openLab } from './lab.ts';

const lab = await openLab();
const engine = await lab.startEngine({ args: ['--live-restore'] });
await lab.startNginx();
await engine.run({ name: 'web', ports: ['8080:80'], args: ['--restart', 'always'] });
console.log(lab.folder);
setInterval(() => {}, 60_000);
