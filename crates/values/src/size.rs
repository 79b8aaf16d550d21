//! Size, depth and count rules (function-runtime 4.2).
