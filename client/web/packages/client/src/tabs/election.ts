/** One leader among the tabs and frames of an origin, by a Web Lock (STO-38). */

export interface Election {
  /** Take the lead from a tab that does not answer. */
  depose(): void;
  /** Lead no longer, and stand no more. */
  stop(): Promise<void>;
}

/**
 * Stand until `stop`. `lead` is called when the lead is ours; it ends when its signal is aborted, and only then is the
 * lock let go, unless another tab has taken it already. `failed` is called where the browser gives no lock.
 */
export function contend(
  name: string,
  lead: (over: AbortSignal) => Promise<void>,
  failed: (error: unknown) => void,
): Election {
  let round = new AbortController();
  let isStopped = false;
  let last: Promise<void> = Promise.resolve();

  async function stand(isDeposing: boolean): Promise<void> {
    const mine = new AbortController();
    round = mine;
    let led: Promise<void> = Promise.resolve();
    const options: LockOptions = isDeposing ? { steal: true } : { signal: mine.signal };
    try {
      await navigator.locks.request(name, options, () => {
        led = mine.signal.aborted ? Promise.resolve() : lead(mine.signal);
        return led;
      });
    } catch (error) {
      // Not waited for any more, or taken by another.
      if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
    }
    const wasDeposed = !mine.signal.aborted;
    mine.abort();
    await led;
    if (wasDeposed && !isStopped) begin(false);
  }
  function begin(isDeposing: boolean): void {
    last = stand(isDeposing);
    last.catch(failed);
  }
  begin(false);
  return {
    depose: () => {
      if (isStopped) return;
      round.abort();
      begin(true);
    },
    stop: async () => {
      isStopped = true;
      round.abort();
      await last.catch(() => undefined);
    },
  };
}
