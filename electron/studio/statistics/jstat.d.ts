/** The distributions of jStat that the studio uses; the package has no types of its own. */
declare module 'jstat' {
  const library: {
    jStat: {
      centralF: { inv(p: number, df1: number, df2: number): number };
      studentt: { inv(p: number, df: number): number; cdf(t: number, df: number): number };
      normal: { cdf(x: number, mean: number, deviation: number): number };
      binomial: { cdf(k: number, n: number, p: number): number };
      gammaln(x: number): number;
    };
  };
  export default library;
}
