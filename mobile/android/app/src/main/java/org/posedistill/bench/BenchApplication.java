package org.posedistill.bench; public class BenchApplication extends android.app.Application {}
