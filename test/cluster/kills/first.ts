/** What a loader says once it has its first batch. */
export const FIRST = "the first batch has been taken"
