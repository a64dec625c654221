// A process that holds a share of the idle channels. Its parent says which, and hears how it goes; a second word ends the opening.
import { Mint } from './identity.mjs';
import { Subscriber } from './subscriber.mjs';

process.once('message', async ({ first, count, atOnce, gateway, issuer, privateJwk }) => {
  const mint = new Mint({ issuer, privateJwk });
  const kept = [];
  let next = first;
  let mayOpen = true;
  process.once('message', () => { mayOpen = false; });
  let failures = 0;
  let lastError = '';
  const lane = async () => {
    while (mayOpen && next < first + count) {
      const index = next++;
      try {
        const subscriber = await Subscriber.open(index, { gateway, mint });
        subscriber.onClose = (why) => process.send({ lost: index, why });
        await subscriber.register();
        kept.push(subscriber);
        if (kept.length % 100 === 0) process.send({ open: kept.length });
      } catch (error) {
        ++failures;
        lastError = error.message;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  process.send({ open: kept.length, failures, lastError, isDone: true });
});
process.on('disconnect', () => process.exit(0));
