/** The mark: an anchor, held. */
export function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="7" fill="#0b6e6e" />
      <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round">
        <circle cx="16" cy="8.2" r="2.8" />
        <path d="M16 11v14M10.5 14.500h11M6.500 18.500c.6 4.300 4.600 7 9.500 7s8.900-2.700 9.500-7" />
      </g>
    </svg>
  );
}
