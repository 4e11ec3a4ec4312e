/** Ends without a word. */
export {}
