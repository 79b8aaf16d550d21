// The keys of lists of log lines.

export function LogKeys() {
  return (
    <span className="wide-only">
      <kbd>j</kbd> <kbd>k</kbd> move · <kbd>e</kbd> <kbd>E</kbd> errors · <kbd>Enter</kbd> request · <kbd>c</kbd> copy
    </span>
  );
}
