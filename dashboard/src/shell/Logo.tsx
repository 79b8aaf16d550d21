// A lentil.

export function Logo({ size = 22 }: { size?: number }) {
  return (
    <svg className="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <ellipse className="logo-body" cx="16" cy="16" rx="14" ry="9.5" transform="rotate(-24 16 16)" />
      <path className="logo-line" d="M5.500 20.500c7-1.500 14.500-5 20.500-11" />
    </svg>
  );
}
