// Asks a dataplane over its own gRPC contract.
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const PROTO = fileURLToPath(new URL('../../dataplane/api/media_control.proto', import.meta.url));

export class MediaNode {
  #client;

  /** @param {string} target host:port or unix:path */
  constructor(target) {
    const definition = loader.loadSync(PROTO, { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true });
    const { media } = grpc.loadPackageDefinition(definition).byon;
    this.#client = new media.v1.MediaControl(target, grpc.credentials.createInsecure());
  }

  call(method, request = {}) {
    return new Promise((resolve, reject) =>
      this.#client[method](request, { deadline: Date.now() + 5000 }, (error, answer) => (error ? reject(error) : resolve(answer))));
  }
  close() {
    this.#client.close();
  }
}
