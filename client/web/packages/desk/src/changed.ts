/** Whether what an element shows is another than the last time that this was asked. */

const keys = new WeakMap<Element, string>();

export function isChanged(element: Element, ...parts: readonly unknown[]): boolean {
  const key = JSON.stringify(parts);
  if (keys.get(element) === key) return false;
  keys.set(element, key);
  return true;
}

/** Let it be made anew the next time. */
export function forgetShown(...elements: readonly Element[]): void {
  for (const element of elements) keys.delete(element);
}
