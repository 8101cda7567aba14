import type { ServicePort } from '../docker/from-service.ts';
import { isContainerOption } from '../labels/options.ts';

type Labels = Readonly<Record<string, string>>;

/**
 * Of a service's labels those that speak of its ports in one mode: the mesh serves the one kind on every
 * node, a task the other kind where it runs. All of them where there is but one kind.
 *
 * @param prefix without its dot
 */
export function labelsAbout(
  labels: Labels,
  prefix: string,
  { own, other }: { own: readonly ServicePort[]; other: readonly ServicePort[] },
): Labels {
  if (other.length === 0) return labels;
  const ours = Object.keys(labels).filter((key) => key.startsWith(`${prefix}.`));
  const kept = { ...labels };
  const drop = (keys: readonly string[]): void => {
    for (const key of keys) delete kept[key];
  };
  if (own.length === 0) {
    drop(ours);
    return kept;
  }
  const routeOf = (key: string): string | undefined => {
    const [first = '', second] = key.slice(prefix.length + 1).split('.');
    if (second !== undefined) return first;
    return isContainerOption(first) ? undefined : '';
  };
  const isForeign = (route: string | undefined): boolean => {
    if (route === undefined) return false;
    const port = Number(labels[[prefix, ...(route === '' ? [] : [route]), 'port'].join('.')]);
    const has = (ports: readonly ServicePort[]): boolean =>
      ports.some(({ targetPort }) => targetPort === port);
    return has(other) && !has(own);
  };
  const routes = ours.filter((key) => routeOf(key) !== undefined);
  const foreign = routes.filter((key) => isForeign(routeOf(key)));
  drop(foreign);
  // What is left would ask for every port of this kind, where the labels named those they mean.
  const enable = `${prefix}.enable`;
  if (foreign.length > 0 && foreign.length === routes.length && labels[enable] === 'true') {
    drop([enable]);
  }
  const listed = labels[`${prefix}.public`] ?? 'true';
  if (listed !== 'true' && listed !== 'false') {
    const names = new Set(other.map(({ publishedPort: port, protocol }) => `${port}/${protocol}`));
    const rest = listed.split(',').filter((item) => !names.has(item.trim()));
    if (rest.length > 0) kept[`${prefix}.public`] = rest.join(',');
    else drop([`${prefix}.public`, `${prefix}.public-from`]);
  }
  return kept;
}
