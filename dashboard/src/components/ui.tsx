// The small parts all pages are made of.

import { X } from "lucide-react";
import { useEffect, useRef, useState, type ButtonHTMLAttributes, type ReactNode } from "react";
import { useDeployment } from "../lib/deployment";
import { ago, dateTime } from "../lib/format";
import { messageOf } from "../lib/live";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: "plain" | "primary" | "danger" | "quiet";
  icon?: ReactNode;
  /** The operation this button needs; without the right it is disabled and says so. */
  needs?: string;
}

export function Button({ look = "plain", icon, needs, children, className = "", ...rest }: ButtonProps) {
  const { can } = useDeployment();
  const refused = needs !== undefined && !can(needs);
  return (
    <button
      type="button"
      {...rest}
      className={`button ${look} ${className}`}
      disabled={rest.disabled || refused}
      title={refused ? `Your key does not allow ${needs}` : rest.title}
    >
      {icon}
      {children}
    </button>
  );
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  label: string;
}

export function IconButton({ label, children, className = "", ...rest }: IconButtonProps) {
  return (
    <button type="button" aria-label={label} title={label} {...rest} className={`icon-button ${className}`}>
      {children}
    </button>
  );
}

export function Empty({ title, children, icon }: { title: string; children?: ReactNode; icon?: ReactNode }) {
  return (
    <div className="empty">
      {icon && <div className="empty-icon">{icon}</div>}
      <h2>{title}</h2>
      {children && <div className="empty-text">{children}</div>}
    </div>
  );
}

export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div className="problem" role="alert">
      <strong>This could not be loaded.</strong>
      <span>{messageOf(error)}</span>
      {retry && (
        <button type="button" className="button plain" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Loading({ rows = 6 }: { rows?: number }) {
  return (
    <div className="loading" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className={`skeleton w${index % 3}`} />
      ))}
    </div>
  );
}

export function Badge({ kind = "plain", children, title, ...rest }: { kind?: string; children: ReactNode; title?: string }) {
  return (
    <span className={`badge ${kind}`} title={title} {...rest}>
      {children}
    </span>
  );
}

/** A moment as "5 min ago", with the whole of it on hover. */
export function Time({ ms, relative = true }: { ms: number; relative?: boolean }) {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!relative) return;
    const timer = window.setInterval(() => tick((n) => n + 1), 10_000);
    return () => window.clearInterval(timer);
  }, [relative]);
  return (
    <time dateTime={new Date(ms).toISOString()} title={`${dateTime(ms)}\n${new Date(ms).toISOString()} (UTC)`}>
      {relative ? ago(ms) : dateTime(ms)}
    </time>
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean;
  /** A panel at the right side instead of a box in the middle. */
  drawer?: boolean;
  testId?: string;
}

/** The browser's own dialog: it keeps the focus inside, gives it back, and closes on Escape. */
export function Dialog({ title, onClose, children, footer, wide, drawer, testId }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) {
      dialog.showModal();
      // The browser would begin at the button that closes it.
      dialog.querySelector<HTMLElement>(".dialog-body :is(input:not([type=file]), textarea)")?.focus();
    }
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className={`dialog ${wide ? "wide" : ""} ${drawer ? "drawer" : ""}`}
      aria-label={title}
      data-testid={testId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === ref.current) onClose();
      }}
    >
      <div className="dialog-box">
        <header>
          <h2>{title}</h2>
          <IconButton label="Close" onClick={onClose}>
            <X size={16} />
          </IconButton>
        </header>
        <div className="dialog-body">{children}</div>
        {footer && <footer>{footer}</footer>}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  children: ReactNode;
  /** Text that must be typed before the button works. */
  type?: string;
  button: string;
  run: () => Promise<void>;
  onClose: () => void;
}

export function Confirm({ title, children, type, button, run, onClose }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      await run();
      onClose();
    } catch (problem) {
      setError(messageOf(problem));
      setBusy(false);
    }
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button look="danger" data-testid="confirm" disabled={busy || (type !== undefined && typed !== type)} onClick={() => void go()}>
        {busy ? "Working…" : button}
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} footer={footer}>
      {children}
      {type !== undefined && (
        <label className="field">
          <span>
            Type <code>{type}</code> to confirm
          </span>
          <input value={typed} onChange={(event) => setTyped(event.target.value)} data-testid="confirm-name" />
        </label>
      )}
      {error && <p className="error-text">{error}</p>}
    </Dialog>
  );
}
