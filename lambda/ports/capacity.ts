/** How much room the database has left to grow. */
export interface Capacity {
  freeBytes(): Promise<number>;
}
