/** The kinds of containers that the soak starts. */
import { HEALTH_ARGS, type RunContainer } from '../lab/engine.ts';
import { NETWORK } from './world.ts';

type Shape = Omit<RunContainer, 'name'>;

/** `slot`: 0 to 9, each has ports of its own. */
export const SHAPES: Readonly<Record<string, (slot: number) => Shape>> = {
  loopback: (slot) => ({ ports: [`127.0.0.1:${2000 + slot}:80`], labels: of({ enable: 'true' }) }),
  everywhere: (slot) => ({ ports: [`${2100 + slot}:80`], labels: of({ enable: 'true' }) }),
  replica: () => ({ ports: ['127.0.0.1::80'], labels: of({ host: 'r.example', group: 'r' }) }),
  'healthy replica': () => ({
    ports: ['80'],
    labels: of({ host: 'r.example', group: 'r' }),
    args: HEALTH_ARGS,
  }),
  health: (slot) => ({
    ports: [`127.0.0.1:${2200 + slot}:80`],
    labels: of({ enable: 'true' }),
    args: HEALTH_ARGS,
  }),
  contested: (slot) => ({
    ports: ['127.0.0.1::80'],
    labels: of({ host: `shop-${slot % 3}.example` }),
  }),
  path: (slot) => ({
    ports: ['127.0.0.1::80'],
    labels: of({ host: `shop-${slot % 3}.example`, path: '/api', 'strip-prefix': 'true' }),
  }),
  public: (slot) => ({
    ports: [`${2300 + slot}:80`],
    labels: of({ host: `public-${slot}.example`, public: 'true' }),
  }),
  unlabelled: (slot) => ({ ports: [`${2400 + slot}:80`] }),
  disabled: (slot) => ({ ports: [`${2500 + slot}:80`], labels: of({ enable: 'false' }) }),
  wrong: (slot) => ({ ports: [`${2600 + slot}:80`], labels: of({ host: 'a.example;} server {' }) }),
  'own network': (slot) => ({
    ports: [`${2700 + slot}:80`],
    labels: of({ enable: 'true' }),
    network: NETWORK,
  }),
  'host network': (slot) => ({
    labels: of({ port: `${2800 + slot}` }),
    network: 'host',
    command: ['/bin/httpd', '-f', '-p', `${2800 + slot}`, '-h', '/www'],
  }),
};

const of = (labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(labels).map(([key, value]) => [`portcullis.${key}`, value]));
