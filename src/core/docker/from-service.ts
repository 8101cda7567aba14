import type { IpProtocol } from '../model.ts';
import { countField, listField, objectAt, objectField, optionalText, textField } from './reader.ts';

/** A service of a Swarm, as far as its ports go. */
export type SwarmService = {
  readonly name: string;
  readonly ports: readonly {
    readonly protocol: IpProtocol;
    readonly publishedPort: number;
    readonly targetPort: number;
    /** `ingress`: on every node, by the routing mesh. */
    readonly mode: 'ingress' | 'host';
  }[];
};

/**
 * One element of `GET /services`.
 *
 * @throws {ShapeError} naming the field
 */
export function serviceFromApi(answer: unknown): SwarmService {
  const from = objectAt(answer, 'a service');
  const name = textField(objectField(from, 'Spec', 'a service'), 'Name', 'a service');
  const place = `service ${name}`;
  const given = listField(objectField(from, 'Endpoint', place), 'Ports', place);
  const ports = given.map((each): SwarmService['ports'][number] => {
    const port = objectAt(each, place);
    const protocol = optionalText(port, 'Protocol', place);
    return {
      protocol: protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp',
      publishedPort: countField(port, 'PublishedPort', place, 65_535),
      targetPort: countField(port, 'TargetPort', place, 65_535),
      mode: optionalText(port, 'PublishMode', place) === 'host' ? 'host' : 'ingress',
    };
  });
  return { name, ports };
}
