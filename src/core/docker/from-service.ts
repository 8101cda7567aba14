import type { IpProtocol } from '../model.ts';
import { createdSeconds } from './container-fields.ts';
import { MAX_PORT } from './ports.ts';
import {
  countField,
  listField,
  objectAt,
  objectField,
  optionalText,
  textField,
  textMapField,
} from './reader.ts';

export type ServicePort = {
  readonly protocol: IpProtocol;
  readonly publishedPort: number;
  readonly targetPort: number;
  /** `ingress`: on every node, by the routing mesh. */
  readonly mode: 'ingress' | 'host';
};

/** A service of a Swarm, as far as its ports and labels go. */
export type SwarmService = {
  readonly id: string;
  readonly name: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** Of the service (`deploy.labels`), and over them those of its containers. */
  readonly labels: Readonly<Record<string, string>>;
  /** Those whose number is known: in host mode each node may choose its own. */
  readonly ports: readonly ServicePort[];
};

/**
 * One element of `GET /services`.
 *
 * @throws {ShapeError} naming the field
 */
export function serviceFromApi(answer: unknown): SwarmService {
  const from = objectAt(answer, 'a service');
  const spec = objectField(from, 'Spec', 'a service');
  const name = textField(spec, 'Name', 'a service');
  const place = `service ${name}`;
  const template = objectField(spec, 'TaskTemplate', place);
  return {
    id: textField(from, 'ID', place),
    name,
    createdAt: createdSeconds(textField(from, 'CreatedAt', place), place),
    labels: {
      ...textMapField(spec, 'Labels', place),
      ...textMapField(objectField(template, 'ContainerSpec', place), 'Labels', place),
    },
    ports: listField(objectField(from, 'Endpoint', place), 'Ports', place).flatMap((each) => {
      const port = objectAt(each, place);
      if (port['PublishedPort'] === undefined || port['PublishedPort'] === 0) return [];
      const protocol = optionalText(port, 'Protocol', place);
      return {
        protocol: protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp',
        publishedPort: countField(port, 'PublishedPort', place, MAX_PORT),
        targetPort: countField(port, 'TargetPort', place, MAX_PORT),
        mode: optionalText(port, 'PublishMode', place) === 'host' ? 'host' : 'ingress',
      };
    }),
  };
}
