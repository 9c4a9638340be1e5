// libsignal-client in node: reads one JSON request a line, answers with one JSON line. Driven by libsignal_peer.py.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const place = createRequire(join(process.argv[2], 'package.json')).resolve('@signalapp/libsignal-client');
const signal = await import(pathToFileURL(place).href);
const TEXT = new Uint8Array(1024).fill(120);

class Sessions extends signal.SessionStore {
  records = new Map();
  async saveSession(name, record) { this.records.set(name.toString(), record.serialize()); }
  async getSession(name) {
    const record = this.records.get(name.toString());
    return record ? signal.SessionRecord.deserialize(record) : null;
  }
  async getExistingSessions(names) { return Promise.all(names.map((name) => this.getSession(name))); }
}

class Identities extends signal.IdentityKeyStore {
  constructor(key) { super(); this.key = key; this.known = new Map(); }
  async getIdentityKey() { return this.key; }
  async getLocalRegistrationId() { return 5; }
  async saveIdentity(name, key) {
    const before = this.known.has(name.toString());
    this.known.set(name.toString(), key);
    return before ? signal.IdentityChange.ReplacedExisting : signal.IdentityChange.NewOrUnchanged;
  }
  async isTrustedIdentity() { return true; }
  async getIdentity(name) { return this.known.get(name.toString()) ?? null; }
}

// One store for each kind of prekey: serialised, as an application would keep them.
class PreKeys extends signal.PreKeyStore {
  rows = new Map();
  async savePreKey(id, record) { this.rows.set(id, record.serialize()); }
  async getPreKey(id) { return signal.PreKeyRecord.deserialize(this.rows.get(id)); }
  async removePreKey(id) { this.rows.delete(id); }
}
class SignedPreKeys extends signal.SignedPreKeyStore {
  rows = new Map();
  async saveSignedPreKey(id, record) { this.rows.set(id, record.serialize()); }
  async getSignedPreKey(id) { return signal.SignedPreKeyRecord.deserialize(this.rows.get(id)); }
}
class KyberPreKeys extends signal.KyberPreKeyStore {
  rows = new Map();
  async saveKyberPreKey(id, record) { this.rows.set(id, record.serialize()); }
  async getKyberPreKey(id) { return signal.KyberPreKeyRecord.deserialize(this.rows.get(id)); }
  async markKyberPreKeyUsed() {}
}

class Person {
  constructor(name) {
    this.address = signal.ProtocolAddress.new(name, 1);
    this.identity = signal.IdentityKeyPair.generate();
    this.identities = new Identities(this.identity.privateKey);
    this.sessions = new Sessions();
    this.preKeys = new PreKeys();
    this.signedPreKeys = new SignedPreKeys();
    this.kyberPreKeys = new KyberPreKeys();
  }

  async bundle(id) {
    const { privateKey } = this.identity;
    const one = signal.PrivateKey.generate();
    const signed = signal.PrivateKey.generate();
    const kyber = signal.KEMKeyPair.generate();
    const signature = privateKey.sign(signed.getPublicKey().serialize());
    const kyberSignature = privateKey.sign(kyber.getPublicKey().serialize());
    await this.preKeys.savePreKey(id, signal.PreKeyRecord.new(id, one.getPublicKey(), one));
    await this.signedPreKeys.saveSignedPreKey(
      id, signal.SignedPreKeyRecord.new(id, Date.now(), signed.getPublicKey(), signed, signature));
    await this.kyberPreKeys.saveKyberPreKey(id, signal.KyberPreKeyRecord.new(id, Date.now(), kyber, kyberSignature));
    return signal.PreKeyBundle.new(5, 1, id, one.getPublicKey(), id, signed.getPublicKey(), signature,
      this.identity.publicKey, id, kyber.getPublicKey(), kyberSignature);
  }

  process(bundle, peer) {
    return signal.processPreKeyBundle(bundle, peer, this.address, this.sessions, this.identities);
  }

  async encrypt(text, peer) {
    const made = await signal.signalEncrypt(text, peer, this.address, this.sessions, this.identities);
    return { first: made.type() === signal.CiphertextMessageType.PreKey, bytes: made.serialize() };
  }

  decrypt({ first, bytes }, peer) {
    if (!first) {
      const message = signal.SignalMessage.deserialize(bytes);
      return signal.signalDecrypt(message, peer, this.address, this.sessions, this.identities);
    }
    const flight = signal.PreKeySignalMessage.deserialize(bytes);
    return signal.signalDecryptPreKey(flight, peer, this.address, this.sessions, this.identities, this.preKeys,
      this.signedPreKeys, this.kyberPreKeys);
  }
}

// Two people in the middle of a chain of the first one's.
async function talking() {
  const [first, second] = [new Person('first'), new Person('second')];
  await first.process(await second.bundle(1), second.address);
  await second.decrypt(await first.encrypt(TEXT, second.address), first.address);
  await first.decrypt(await second.encrypt(TEXT, first.address), second.address);
  await second.decrypt(await first.encrypt(TEXT, second.address), first.address);
  return [first, second];
}

async function sealed(first, second, count) {
  const made = [];
  for (let at = 0; at < count; at++) made.push(await first.encrypt(TEXT, second.address));
  return made;
}

async function opened(second, first, messages) {
  let count = 0;
  for (const message of messages) {
    try {
      await second.decrypt(message, first.address);
      count++;
    } catch { /* lost, and therefore not counted */ }
  }
  return count;
}

async function timed(work) {
  const [start, used] = [process.hrtime.bigint(), process.cpuUsage()];
  const value = await work();
  const [wall, { user, system }] = [Number(process.hrtime.bigint() - start) / 1e9, process.cpuUsage(used)];
  return { seconds: Math.min(wall, (user + system) / 1e6), value };
}

const rows = {
  async encrypt(count) {
    const [first, second] = await talking();
    return timed(() => sealed(first, second, count).then((made) => made.length));
  },
  async decrypt(count) {
    const [first, second] = await talking();
    const messages = await sealed(first, second, count);
    return timed(() => opened(second, first, messages));
  },
  async 'encrypt and decrypt'(count) {
    const [first, second] = await talking();
    return timed(async () => opened(second, first, await sealed(first, second, count)));
  },
  async reversed(count) {
    const [first, second] = await talking();
    const messages = (await sealed(first, second, count)).reverse();
    return timed(() => opened(second, first, messages));
  },
  async 'ping-pong'(count) {
    let [to, from] = await talking();
    return timed(async () => {
      for (let at = 0; at < 2 * count; at++) {
        await to.decrypt(await from.encrypt(TEXT, to.address), from.address);
        [from, to] = [to, from];
      }
      return 2 * count;
    });
  },
  // Signatures are checked inside of it, and cannot be left out.
  async 'handshake, initiator'(count) {
    const responder = new Person('responder');
    const pairs = [];
    for (let at = 1; at <= count; at++) pairs.push([new Person(`person ${at}`), await responder.bundle(at)]);
    return timed(async () => {
      for (const [person, bundle] of pairs) {
        await person.process(bundle, responder.address);
        await person.encrypt(TEXT, responder.address);
      }
      return count;
    });
  },
  async 'handshake, responder'(count) {
    const responder = new Person('responder');
    const flights = [];
    for (let at = 1; at <= count; at++) {
      const person = new Person(`person ${at}`);
      await person.process(await responder.bundle(at), responder.address);
      flights.push([person.address, await person.encrypt(TEXT, responder.address)]);
    }
    return timed(async () => {
      for (const [address, flight] of flights) await responder.decrypt(flight, address);
      return count;
    });
  },
  // The two signatures that a bundle has, by the same library.
  async 'bundle verified'(count) {
    const { privateKey, publicKey } = signal.IdentityKeyPair.generate();
    const keys = [signal.PrivateKey.generate().getPublicKey(), signal.KEMKeyPair.generate().getPublicKey()];
    const signed = keys.map((key) => [key.serialize(), privateKey.sign(key.serialize())]);
    return timed(async () => {
      for (let at = 0; at < count; at++) for (const one of signed) if (!publicKey.verify(...one)) throw new Error('signature');
      return count;
    });
  },
  async state() {
    const [first, second] = await talking();
    return { seconds: 0, value: second.sessions.records.get(first.address.toString()).length };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { row, count } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(rows[row] ? await rows[row](count) : { missing: true })}\n`);
}
