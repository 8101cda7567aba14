/** A gRPC service of one method, without a .proto file: texts as they are. */
import type { ServiceDefinition } from '@grpc/grpc-js';

const toBytes = (text: string): Buffer => Buffer.from(text);
const toText = (bytes: Buffer): string => bytes.toString();

export const ECHO_PATH = '/lab.Echo/Say';

export const ECHO_SERVICE: ServiceDefinition = {
  say: {
    path: ECHO_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: toText,
    responseSerialize: toBytes,
    responseDeserialize: toText,
  },
};
